"""Reading OCI: compartments and regions (Identity), audit pages (Audit), and referenced values (Vault, Object Storage, files)."""
