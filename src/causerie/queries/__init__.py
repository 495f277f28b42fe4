"""SQL that people and programs type, over the rows of one project and nothing else."""
