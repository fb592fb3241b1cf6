"""The same runs from a terminal, and what one wants to look at or mend from there; nothing of it is in the function."""
