"""Health: a check for every dependency of a run."""
