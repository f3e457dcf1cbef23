"""Intents of a brain: their list and editor, training with progress, scores, and what a message means."""
