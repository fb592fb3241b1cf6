"""What is measured, never asserted in tests."""
