"""Epimetheus forwards the audit events of an OCI tenancy to a SIEM: at least once, in order, and accounted for."""

__version__ = "0.1.0"
