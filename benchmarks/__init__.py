"""Measures CPU, memory and API calls. Tests do not assert measured values."""
