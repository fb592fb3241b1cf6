"""One call of the function."""
