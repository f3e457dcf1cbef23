"""AI models: configured providers, calls, token prices and budgets.

Other packages use `service` (ask), `provider_store` (settings), `usage` (ledger) and `prices`.
"""
