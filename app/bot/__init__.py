"""Message pipeline: receive, run turns, deliver, recover, and explain what happened.

Shared by its packages: `models`, `lease` (claims and fences), `contacts`, `handoff`, `schedules`, `display` and
`full_text`. `ingest`, `turns` and `delivery` may be imported by few (see the contracts in pyproject.toml).
"""
