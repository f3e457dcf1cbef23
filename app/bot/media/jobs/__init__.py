"""Maintenance jobs of media files, one a file."""
