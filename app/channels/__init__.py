"""Channels: adapters by which messages come in and go out, one package each.

Other packages use `contract` (what a channel is and the types it exchanges), `content` (what a message may hold) and
`registry` (find a channel by its kind).
"""
