"""Settings to components."""
