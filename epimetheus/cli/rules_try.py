"""What a rules file would keep and leave out, and why, of the events of a time or of a file: nothing is sent, nothing is written."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from epimetheus.clock import Deadline
from epimetheus.errors import ConfigError
from epimetheus.model import Fetched, Window
from epimetheus.select.dedupe import SeenKeys, compartment_tag, event_key
from epimetheus.select.selection import Selection
from epimetheus.source.compartments import choose, discover, pin
from epimetheus.source.decode import decode_event, decode_page
from epimetheus.source.fetch import Failed, FetchTask, Page, fetch
from epimetheus.wiring import Wiring

SENT = "sent"
WATCHED = "sent, marked by TAMPER_WATCH"
MALFORMED = "sent, not understood"
Placed = tuple[str, int, Fetched]
"""The compartment that was asked, the minute its window ends, and the event."""


@dataclass
class RulesTrial:
    """What became of events: ``rows`` counts by event type and outcome; ``repeats`` came twice; ``unread`` is compartment → why."""

    rows: Counter[tuple[str, str]] = field(default_factory=Counter)
    repeats: int = 0
    unread: dict[str, str] = field(default_factory=dict)


def attempt(events: Iterable[Placed], selection: Selection, tried: RulesTrial) -> None:
    """Let each event meet the rules, once."""
    seen = SeenKeys()
    for compartment, minute, fetched in events:
        if not seen.add_if_new(event_key(compartment_tag(compartment), fetched)):
            tried.repeats += 1
            continue
        reason, watched = selection(fetched, minute)
        kind = fetched.event.event_type if fetched.event else "?"
        sent = MALFORMED if fetched.event is None else WATCHED if watched else SENT
        tried.rows[kind, reason or sent] += 1


def of_file(path: Path) -> Iterator[Placed]:
    """The events of a file: a JSON list, one event, or one a line; in the form of the API, of Logging, or of its search.

    Raises ConfigError where there is no such file, or nothing in it.
    """
    try:
        text = path.read_bytes().removeprefix(b"\xef\xbb\xbf").strip()
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror}; allowed is a file of events that can be read"]) from error
    if not text:
        raise ConfigError([f"{path} is empty: allowed is a JSON list of events, or one event a line"])
    for fetched in _parsed(text):
        yield "", 0, fetched


def _parsed(text: bytes) -> Sequence[Fetched]:
    try:
        return decode_page(text)
    except ValueError:
        whole = decode_event(text)
    return [whole] if whole.event else [decode_event(line) for line in text.splitlines() if line.strip()]


def of_region(
    workshop: Wiring, window: Window, deadline: Deadline, tried: RulesTrial, progress: Callable[[int, int], None]
) -> Iterator[Placed]:
    """The events of our own region; ``progress`` is told how many compartments are done, of how many.

    Raises SourceError, CredentialsError, OutOfTime.
    """
    settings, region = workshop.settings, workshop.credentials.region
    list_page = workshop.oci.list_page(deadline.left() / 8)
    mode, ids = settings.compartment_mode, settings.compartment_ids
    listing = pin(discover(list_page, workshop.tenancy, deadline), ids if mode == "include" else ())
    asked = choose(listing.compartments, mode, ids, workshop.tenancy)
    works = [FetchTask(ocid, window) for ocid in sorted(asked)]
    tried.unread |= {work.compartment: "there was no time" for work in works}
    with (
        closing(workshop.oci.audit(region)) as audit,
        closing(fetch(works, audit.pages, concurrency=settings.api_concurrency, deadline=deadline)) as arrivals,
    ):
        for arrival in arrivals:
            if isinstance(arrival, Page):
                yield from ((arrival.task.compartment, window.end, fetched) for fetched in arrival.events)
                continue
            del tried.unread[arrival.task.compartment]
            if isinstance(arrival, Failed):
                tried.unread[arrival.task.compartment] = arrival.error.what
            progress(len(works) - len(tried.unread), len(works))
