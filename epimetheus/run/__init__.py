"""One run over one region, from discovery to commit."""
