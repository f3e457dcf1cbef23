"""Versions of a brain: drafts, published versions, rollouts and the choice for each chat.

Other packages use `store` (drafts, publish, rollback), `release`, `rollouts`, `routing` (choose a version) and
`catalogue` (list of brains).
"""
