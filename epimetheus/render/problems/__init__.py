"""Messages of Cloud Guard's problems, in every format."""
