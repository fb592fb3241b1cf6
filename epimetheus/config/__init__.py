"""The user's own files: RULES and FIELD_MAP, read so that every mistake is told at once, with its line and path."""
