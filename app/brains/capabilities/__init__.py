"""What a script may ask the world for while it runs, one module each; they know nothing of each other."""
