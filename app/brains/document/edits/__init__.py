"""Edits of a draft's parts as data, right or wrong (pure functions)."""
