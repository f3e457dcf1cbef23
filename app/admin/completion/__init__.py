"""Completion of the code editor: symbols a script or template may use, with their descriptions."""
