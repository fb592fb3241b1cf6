"""The command-line interface. The deployed function does not use it."""
