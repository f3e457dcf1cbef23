"""Maintenance jobs of accounts, one a file: each module has a `JOB`."""
