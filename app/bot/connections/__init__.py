"""Connections: configured accounts of channels.

Pages and the command line use `store`; the pipeline uses `registry` (open channels by connection).
"""
