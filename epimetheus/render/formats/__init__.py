"""Output formats: one module each, and what formats of one family share."""
