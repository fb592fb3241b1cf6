"""The ledger: immutable entries of what the receiver has, their stored form, and where they are stored."""
