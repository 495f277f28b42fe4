-- Rows that mark what is removed.
project = {project:String} AND deleted AND version IN {versions:Array(UInt64)}
