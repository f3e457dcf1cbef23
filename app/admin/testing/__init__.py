"""Testing pages: try a command, saved tests, playground, simulator, recorded tests."""
