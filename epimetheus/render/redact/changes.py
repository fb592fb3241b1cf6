"""Lists what redaction changed in an event."""

from collections.abc import Iterator

from epimetheus.render.redact.text import REDACTED


def redacted_paths(before: object, after: object, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Dotted paths of the values and keys that are masked in ``after``, the redacted tree of ``before``; list indexes as numbers."""
    if isinstance(before, dict) and isinstance(after, dict):
        for (old, value), (key, redacted) in zip(before.items(), after.items(), strict=False):
            if old != key:
                yield ".".join((*path, key))
            yield from redacted_paths(value, redacted, (*path, key))
    elif isinstance(before, list) and isinstance(after, list):
        for index, (value, redacted) in enumerate(zip(before, after, strict=False)):
            yield from redacted_paths(value, redacted, (*path, str(index)))
    elif isinstance(after, str) and REDACTED in after and before != after:
        yield ".".join(path)
