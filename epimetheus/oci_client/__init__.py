"""OCI credentials and clients, and the limits on every request to OCI."""
