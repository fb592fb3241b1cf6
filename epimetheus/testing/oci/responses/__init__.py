"""The wire format of each service: a handler takes a call, asks or changes the world, and words the answer."""
