"""For anyone who tests against OCI or syslog: a stand-in OCI and a syslog receiver. Nothing else of the package needs it."""
