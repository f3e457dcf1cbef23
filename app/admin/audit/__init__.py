"""Audit pages: entries with what each changed, the export of them, and the check of the chain."""
