"""Where the time of an event goes: each step of a run by itself, in one process, over the benchmark's pages.

``python -m benchmarks.steps``: CPU an event, in microseconds; the least of several turns, for noise only ever adds.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks import pages
from epimetheus.deliver import framer
from epimetheus.model import Fetched
from epimetheus.render import Renderer
from epimetheus.render.formats.base import Enrichment
from epimetheus.run.forward import RENDERED_TOGETHER
from epimetheus.select.dedupe import SeenKeys, compartment_tag, event_key
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
    """Pages as the stand-in API sends them."""
    with tempfile.TemporaryDirectory(prefix="epimetheus-bench-") as name:
        path = Path(name) / "pages"
        pages.write(path, TENANCY, COMPARTMENT, PAGE)
        return [bytes(template.body) for template in pages.read(path, PAGE)[:PAGES]]


def least(doing: Callable[[Any], object], items: Iterable[Any]) -> float:
    """CPU seconds for all of ``items``, the loop itself taken off."""
    items = list(items)
    return min(_seconds(doing, items) for _ in range(TURNS)) - min(_seconds(type, items) for _ in range(TURNS))


def _seconds(doing: Callable[[Any], object], items: list[Any]) -> float:
    began = time.process_time()
    for item in items:
        doing(item)
    return time.process_time() - began


def renderer(form: str) -> Renderer:
    """As a function has it by default."""
    header = {"header": "rfc5424", "facility": "local0", "app_name": "epimetheus", "hostname": "us-ashburn-1"}
    return Renderer(format=form, **header, max_bytes=8000, run_id="bench")


def steps(texts: list[bytes]) -> list[tuple[str, float]]:
    """Name and seconds of each."""
    events: list[Fetched] = [event for text in texts for event in decode_page(text)]
    tag, frame = compartment_tag(COMPARTMENT), framer("octet-counting")
    select = Selection(Rules(own=(OURS,)), TamperWatch((OURS,)), RateLimits({}))
    keys = [event_key(tag, event) for event in events]
    messages = [rendered.message for rendered in renderer("cef").render_many([(event, 7, ENRICHMENT) for event in events])]
    return [
        ("cut the page into its events", least(decode_page, texts)),
        ("decode an event", least(list, map(decode_page, texts))),
        ("its key", least(lambda event: event_key(tag, event), events)),
        ("seen before?", _meeting(keys)),
        ("rules", least(lambda event: select(event, 60, scan=False), events)),
        *[(f"the message, {form}", _rendering(form, events)) for form in ("cef", "json", "leef", "ocsf")],
        ("its frame", least(frame, messages)),
    ]


def _meeting(keys: list[bytes]) -> float:
    return min(_seconds(SeenKeys().add_if_new, keys) for _ in range(TURNS))


def _rendering(form: str, events: list[Fetched]) -> float:
    items = [(event, 7, ENRICHMENT) for event in events]
    together = [items[at : at + RENDERED_TOGETHER] for at in range(0, len(items), RENDERED_TOGETHER)]
    return least(renderer(form).render_many, together)


def main() -> int:
    """Measure; print."""
    texts = bodies()
    for name, seconds in steps(texts):
        sys.stdout.write(f"{name:30} {seconds / PAGE / len(texts) * 1e6:6.2f} µs\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
