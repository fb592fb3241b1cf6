"""Log lines and metrics of runs."""
