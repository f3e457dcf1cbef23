"""Privacy: a person is erased everywhere, and what is old is forgotten (docs/privacy.md)."""
