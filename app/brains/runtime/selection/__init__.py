"""Selection: the command a turn runs, the question which one is meant, and its answer."""
