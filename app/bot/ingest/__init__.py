"""Ingest: webhooks and streams received, checked and stored in the inbox.

The services use `receiver`, `webhook` and `server`; `inbox` is the transaction that stores a batch.
"""
