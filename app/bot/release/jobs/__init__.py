"""Maintenance jobs of releases, one a file."""
