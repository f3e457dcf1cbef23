"""Maintenance jobs of the logging service, one a file."""
