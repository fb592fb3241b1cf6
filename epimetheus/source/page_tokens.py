"""Detect a listing whose page tokens repeat without end."""

from collections import Counter

_MAX_TIMES = 3  # an empty page may name itself as the next one for a moment


class PageTokens:
    """The page tokens that one listing has returned so far."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def repeats(self, token: str) -> bool:
        """Record ``token``; True once it has come more than three times."""
        self._seen[token] += 1
        return self._seen[token] > _MAX_TIMES
