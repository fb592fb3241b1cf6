"""Which events go on: pure decisions, without I/O."""
