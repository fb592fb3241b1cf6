"""OCI credentials and clients, and the limits that every request to OCI has."""
