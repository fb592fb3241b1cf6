"""Redaction: replaces secrets in JSON and in text before a message is written."""
