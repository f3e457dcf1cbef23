"""Trials of a brain's next version: tests on past messages, shadow mode, tests recorded from chats.

Pages use `rehearsals`, `shadow` and `record_test`.
"""
