"""Settings, and the JSON files RULES and FIELD_MAP: every problem is reported at once, in JSON with its line and path."""
