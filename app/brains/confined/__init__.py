"""Code that runs inside a sandbox process, imported there as `brains.confined` without the application."""
