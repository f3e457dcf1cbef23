"""Maintenance jobs of privacy, one a file."""
