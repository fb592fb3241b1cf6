"""OCI, read: who we are (clients), where there is to look (compartments), and what happened there (audit pages)."""
