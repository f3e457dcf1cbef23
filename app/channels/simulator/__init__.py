"""Simulator channel: a phone in the browser instead of a network."""

from app.channels.simulator.channel import SimulatorChannel

__all__ = ["SimulatorChannel"]
