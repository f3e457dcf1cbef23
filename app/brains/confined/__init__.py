"""What runs inside a sandbox process, imported there as `brains.confined`: no application around it."""
