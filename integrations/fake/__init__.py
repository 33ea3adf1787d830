"""A forge in memory, for tests and the demo: what is not ours is played here, over real HTTP."""
