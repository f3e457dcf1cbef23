"""Digest of a stored model, computed without reading it."""

import hashlib


def compute_digest(data: bytes) -> str:
    """Return the SHA-256 (hex) of a model's bytes, by which runs name it."""
    return hashlib.sha256(data).hexdigest()
