"""Applies rules to the events of a period or a file and counts the outcomes. Sends and writes nothing."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from epimetheus.cli.event_file import read_events
from epimetheus.clock import Deadline
from epimetheus.model import Fetched, Window
from epimetheus.select.dedupe import SeenKeys, compartment_tag, event_key
from epimetheus.select.selection import Selection
from epimetheus.source.compartments import choose, discover, pin
from epimetheus.source.fetch import Failed, FetchTask, Page, fetch
from epimetheus.wiring.wiring import Wiring

SENT = "sent"
MARKED = "sent, marked by TAMPER_WATCH"
MALFORMED = "sent, malformed"
LocatedEvent = tuple[str, int, Fetched]
"""The polled compartment, the minute its window ends, and the event."""


@dataclass
class RulesPreview:
    """The outcomes: ``rows`` counts events by (event type, outcome), ``unread`` maps a compartment to the reason it was not read."""

    rows: Counter[tuple[str, str]] = field(default_factory=Counter)
    duplicates: int = 0
    unread: dict[str, str] = field(default_factory=dict)


def apply_rules(events: Iterable[LocatedEvent], selection: Selection, preview: RulesPreview) -> None:
    """Apply the rules once to each distinct event."""
    seen = SeenKeys()
    for compartment, minute, fetched in events:
        if not seen.add_if_new(event_key(compartment_tag(compartment), fetched)):
            preview.duplicates += 1
            continue
        reason, marked = selection(fetched, minute)
        event_type = fetched.event.event_type if fetched.event else "?"
        sent = MALFORMED if fetched.event is None else MARKED if marked else SENT
        preview.rows[event_type, reason or sent] += 1


def events_of_file(path: Path) -> Iterator[LocatedEvent]:
    """The events of a file. Raises as `read_events`."""
    for fetched in read_events(path):
        yield "", 0, fetched


def events_of_region(
    wiring: Wiring, window: Window, deadline: Deadline, preview: RulesPreview, progress: Callable[[int, int], None]
) -> Iterator[LocatedEvent]:
    """The events of the credentials' region. Calls ``progress(done, total)`` for each compartment.

    Raises SourceError, CredentialsError, OutOfTime.
    """
    settings, region = wiring.settings, wiring.credentials.region
    list_page = wiring.oci.list_page(deadline.left() / 8)
    mode, ids = settings.compartment_mode, settings.compartment_ids
    listing = pin(discover(list_page, wiring.tenancy, deadline), ids if mode == "include" else ())
    polled = choose(listing.compartments, mode, ids, wiring.tenancy)
    tasks = [FetchTask(ocid, window) for ocid in sorted(polled)]
    preview.unread |= {task.compartment: "the time limit was reached" for task in tasks}
    with (
        closing(wiring.oci.audit(region)) as audit,
        closing(fetch(tasks, audit.pages, concurrency=settings.api_concurrency, deadline=deadline)) as results,
    ):
        for result in results:
            if isinstance(result, Page):
                yield from ((result.task.compartment, window.end, fetched) for fetched in result.events)
                continue
            del preview.unread[result.task.compartment]
            if isinstance(result, Failed):
                preview.unread[result.task.compartment] = result.error.what
            progress(len(tasks) - len(preview.unread), len(tasks))
