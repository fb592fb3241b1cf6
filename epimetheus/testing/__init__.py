"""Stand-ins for tests against OCI and syslog receivers. The rest of the package does not use them."""
