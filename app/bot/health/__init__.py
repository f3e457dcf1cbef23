"""Health of the pipeline: counters, heartbeats, backlog and the dashboard's figures.

Other packages use `status`, `dashboard` and `counters`; each process runs a `heartbeat`.
"""
