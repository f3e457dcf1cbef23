"""Sinks of log events, one file a kind, found by walking this folder; what they share: contract, format, network."""
