-- How many conversations ended before a moment.
SELECT count() AS rows FROM conversations FINAL
WHERE project = {project:String} AND version <= {version:UInt64}
  AND ended_at < {before:DateTime64(6, 'UTC')}
