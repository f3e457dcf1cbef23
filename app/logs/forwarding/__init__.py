"""Forwarding of stored events to sinks: their settings, the elected process, a thread a sink."""
