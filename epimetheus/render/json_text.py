"""The event as JSON: as it came, keys in their order and unknown ones kept, but compact, on one line, and without secrets.

What was noted about it stands last, under ``epimetheus``. An event too large for the receiver loses the parts in `nested.DATA_SHED`
and whatever else is an object or a list in ``data``: OCI adds to its events, and identifiers are worth more than what is unknown. If
that is not enough, its longest strings are shortened, and say so; then, which takes thousands of keys, its text becomes one cut string
under ``epimetheusCut``. What was trimmed is told in the header; where that has no room (RFC 3164), under the key ``epimetheusTrimmed``.
"""

from epimetheus.render.form import Subject
from epimetheus.render.nested import NOTES_KEY, TRIMMED_KEY, Nested, Tree, noted


class JsonText(Nested):
    """See `Nested`."""

    notes_path = (NOTES_KEY,)
    data_path = ("data",)
    shed_order = ()

    def said(self, subject: Subject, event: Tree) -> Tree:
        """All of it, and the notes."""
        notes = noted(subject.notes)
        if notes and NOTES_KEY in event:
            event = {key: item for key, item in event.items() if key != NOTES_KEY}
        return {**event, **notes}

    def told(self, event: Tree, trimmed: str) -> Tree:
        """The same with ``epimetheusTrimmed``."""
        return {**event, TRIMMED_KEY: trimmed}
