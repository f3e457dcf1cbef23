"""Brains: the pure domain; nothing here knows of the web, the queue or Redis."""
