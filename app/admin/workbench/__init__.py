"""Workbench: the editor of one brain's draft.

Other pages use `view_model` (what the editor draws) and `drafts` (open and change a draft).
"""
