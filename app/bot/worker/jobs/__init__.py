"""Maintenance jobs of the pipeline, one a file: each module has a `JOB` (interval or due time, batch size)."""
