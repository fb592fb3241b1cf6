"""The handlers of each service: a handler receives a call, reads or changes the world, and returns the response."""
