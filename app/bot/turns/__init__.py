"""Turns: a claimed chat's messages run through its brain and committed.

In order: `claim`, `prefetch`, `build`, `run`, `commit`. Releases and explanations read `version_pin`, `replies` and
`result`.
"""
