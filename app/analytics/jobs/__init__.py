"""Maintenance jobs of the analytics, one a file: each module has a `JOB`."""
