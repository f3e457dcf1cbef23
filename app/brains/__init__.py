"""Brains: documents of commands, and everything that checks, runs, tests and releases them.

Knows nothing of web, queue or channels.
"""
