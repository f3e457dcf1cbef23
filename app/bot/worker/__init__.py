"""Worker: the part of a process that claims chats, runs turns, sends, and does maintenance.

The services use `worker`; the rest belongs to it.
"""
