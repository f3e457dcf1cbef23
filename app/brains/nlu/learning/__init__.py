"""Learning from messages that were not understood: what is alike among them, and what it may be called."""
