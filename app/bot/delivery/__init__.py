"""Delivery: the outbox, its senders, retries, receipts and recovery.

The pipeline uses `outbox` (rows to send), `receipts` (what the provider says of them), `attempts` and `recovery`; the
services start `sender`.
"""
