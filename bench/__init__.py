"""Benchmarks and the kill torture: real processes, real HTTP, loopback only."""
