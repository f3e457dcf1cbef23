"""Failures: messages that need an operator, their causes, remedies and actions.

Pages use `queries` (groups and lists), `causes`, `catalog`, `redrive` (send again, settle) and `bulk_actions`.
"""
