"""Privacy: erasure of a person everywhere, and retention of what is old (docs/privacy.md).

Pages and the command line use `erasure`, `subject` and `retention`; the services run `job`.
"""
