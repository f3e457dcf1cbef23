"""Maintenance jobs of brains' versions, one a file."""
