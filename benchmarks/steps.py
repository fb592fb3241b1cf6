"""CPU of each step of a run, in one process, with the pages of the benchmarks.

``python -m benchmarks.steps``: microseconds per event; the minimum of several turns, because noise only adds.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks import pages, sample_pages
from epimetheus.deliver import framer
from epimetheus.model import Fetched
from epimetheus.render.formats.base import Enrichment
from epimetheus.render.renderer import Renderer
from epimetheus.run.forwarder import MAX_GROUP_EVENTS
from epimetheus.select.dedupe import SeenKeys, compartment_tag, event_key, key_of_text
from epimetheus.select.rate_limits import RateLimits
from epimetheus.select.rules import Rules
from epimetheus.select.selection import Selection
from epimetheus.select.tamper_watch import TamperWatch
from epimetheus.source.decode import decode_page

PAGE, PAGES, TURNS = 1000, 5, 7
TENANCY, COMPARTMENT = "ocid1.tenancy.oc1..aaaaaaaabench", "ocid1.compartment.oc1..aaaaaaaabench"
OURS = "ocid1.fnfunc.oc1.iad.aaaaaaaa" + "x" * 52
ENRICHMENT = Enrichment("root/prod/app")


def bodies() -> list[bytes]:
    """Returns pages as the stand-in API sends them."""
    with tempfile.TemporaryDirectory(prefix="epimetheus-bench-") as name:
        path = Path(name) / "pages"
        sample_pages.write(path, TENANCY, PAGE)
        return [bytes(template.body) for template in pages.read(path)[:PAGES]]


def least(function: Callable[[Any], object], items: Iterable[Any]) -> float:
    """Returns the CPU seconds of ``function`` for all items, without the loop itself."""
    items = list(items)
    return min(_seconds(function, items) for _ in range(TURNS)) - min(_seconds(type, items) for _ in range(TURNS))


def _seconds(function: Callable[[Any], object], items: list[Any]) -> float:
    began = time.process_time()
    for item in items:
        function(item)
    return time.process_time() - began


def renderer(form: str) -> Renderer:
    """Returns a renderer with the default settings."""
    header = {"header": "rfc5424", "facility": "local0", "app_name": "epimetheus", "hostname": "us-ashburn-1"}
    return Renderer(format=form, **header, max_bytes=8000, run_id="bench")


def steps(texts: list[bytes]) -> list[tuple[str, float]]:
    """Measures each step, and returns names and seconds."""
    events: list[Fetched] = [event for text in texts for event in decode_page(text)]
    tag, frame = compartment_tag(COMPARTMENT), framer("octet-counting")
    watch = TamperWatch((OURS,))
    select = Selection(Rules(own=(OURS,)), watch, RateLimits({}))
    keys = [event_key(tag, event) for event in events]
    messages = [rendered.message for rendered in renderer("cef").render_many([(event, 7, ENRICHMENT) for event in events])]
    return [
        ("split the page into events", least(decode_page, texts)),
        ("decode an event", least(list, map(decode_page, texts))),
        ("dedupe key", least(lambda event: key_of_text(tag, event.raw), events)),
        ("dedupe lookup", _deduplication(keys)),
        ("watched resources", least(watch.mentions, texts)),
        ("rules", least(lambda event: select(event, 60, scan=False), events)),
        *[(f"render, {form}", _rendering(form, events)) for form in ("cef", "json", "leef", "ocsf")],
        ("frame", least(frame, messages)),
    ]


def _deduplication(keys: list[bytes]) -> float:
    return min(_seconds(SeenKeys().add_if_new, keys) for _ in range(TURNS))


def _rendering(form: str, events: list[Fetched]) -> float:
    items = [(event, 7, ENRICHMENT) for event in events]
    batches = [items[at : at + MAX_GROUP_EVENTS] for at in range(0, len(items), MAX_GROUP_EVENTS)]
    return least(renderer(form).render_many, batches)


def main() -> int:
    """Measures and prints all steps."""
    texts = bodies()
    for name, seconds in steps(texts):
        sys.stdout.write(f"{name:30} {seconds / PAGE / len(texts) * 1e6:6.2f} µs\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
