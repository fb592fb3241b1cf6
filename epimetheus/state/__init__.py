"""What is remembered between runs, its form as bytes, and where it is kept."""
