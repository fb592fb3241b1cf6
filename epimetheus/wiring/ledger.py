"""Stub."""
class LedgerWiring:
    def __init__(self, *a): pass
