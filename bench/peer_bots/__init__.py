"""Bots that answer the benchmark's messages without Brainbox: what it is compared with, and what it cannot go below."""
