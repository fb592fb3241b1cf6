"""What a run remembers for the next one: its model, its stored form, where it is stored, and the rules for writing it."""
