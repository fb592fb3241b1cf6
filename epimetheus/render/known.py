"""Texts that need not be looked at again: most of what an event says, its neighbours said as well."""

from collections.abc import Callable

_MOST = 500_000  # characters


class Known:
    """Remembers for a run which texts are ``harmless``, a word on any number of them, joined by blanks: that all of them are."""

    def __init__(self, harmless: Callable[[str], bool]) -> None:
        self._harmless = harmless
        self._known: set[str] = set()
        self._characters = 0

    def __call__(self, texts: set[str]) -> bool:
        """Whether all of these are harmless."""
        fresh = texts - self._known
        together = " ".join(fresh)
        if not (self._harmless(together) if together.isascii() else self._are_harmless(fresh)):
            return False
        self._remember(fresh, len(together))
        return True

    def _are_harmless(self, fresh: set[str]) -> bool:
        """The same for those that are ASCII, and then for those that are not, which are few, and slow to look at."""
        ascii_only = {text for text in fresh if text.isascii()}
        return self._harmless(" ".join(ascii_only)) and self._harmless(" ".join(fresh - ascii_only))

    def _remember(self, fresh: set[str], characters: int) -> None:
        self._characters += characters
        if self._characters > _MOST:
            self._known, self._characters = set(), characters
        if characters <= _MOST:
            self._known |= fresh
