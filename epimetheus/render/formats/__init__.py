"""Output formats: one module each, and the base classes they share."""
