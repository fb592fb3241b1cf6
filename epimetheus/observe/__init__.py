"""What others get to see of a run: log lines and metrics. It is told things, and asks nothing."""
