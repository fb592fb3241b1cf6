"""Page tokens: the same may come again for a moment (an empty page names itself), but a listing that goes in a circle has to end."""

from collections import Counter

_OFTEN = 3


class PageTokens:
    """The tokens one listing has named so far."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def circle(self, token: str) -> bool:
        """Note ``token``; whether it has come more often than a page that is not ready yet would explain."""
        self._seen[token] += 1
        return self._seen[token] > _OFTEN
