"""Chats for operators: list, search, thread, send, labels, notes, saved replies, templates, export.

Pages use every module here; the pipeline uses none.
"""
