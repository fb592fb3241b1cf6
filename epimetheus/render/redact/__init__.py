"""Redaction: secrets in JSON and in text are replaced before anything is written."""
