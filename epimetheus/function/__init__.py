"""One invocation of the function."""
