"""Epimetheus forwards the audit events of an OCI tenancy to a SIEM, with at-least-once delivery and a count for every event."""

__version__ = "0.1.0"
