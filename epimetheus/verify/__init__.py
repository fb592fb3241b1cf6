"""Verifies seals, ledger entries, and a SIEM's copy of the messages against each other. Reads only; nothing here writes or sends."""
