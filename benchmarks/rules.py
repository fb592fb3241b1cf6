"""What rules cost: the same pages through decode, dedupe, rules, CEF and framing, without any rule and with every kind on.

``python -m benchmarks.rules``: CPU an event of each, in one process, by turns; the best of each counts, for noise only ever adds.
"""

import itertools
import json
import sys
import time

from epimetheus.deliver import framer
from epimetheus.model import Window
from epimetheus.render import Renderer
from epimetheus.run.forward import Forwarder
from epimetheus.run.tally import Tally
from epimetheus.select.dedupe import SeenKeys
from epimetheus.select.rate_limits import RateLimits
from epimetheus.select.rules import Rules
from epimetheus.select.selection import Selection
from epimetheus.select.tamper_watch import TamperWatch
from epimetheus.source.decode import decode_page
from epimetheus.source.fetch import FetchTask
from epimetheus.testing.oci.samples import Sampler

PAGES, PAGE, TURNS = 20, 1000, 5
NONE = (Rules(), TamperWatch(()))
# Every kind of rule is asked of nearly every event, and leaves almost nothing out: the most work there is.
ALL = (
    Rules(
        mode="exclude",
        excluded=("com.oraclecloud.Nothing.*", "Never*", "com.oraclecloud.Other.List*"),
        priority=("com.oraclecloud.Nowhere.*", "NeverEver"),
        never_drop=("com.oraclecloud.Nobody.*",),
        limits={"com.oraclecloud.ComputeApi.GetInstance": 10**9, "com.oraclecloud.*": 10**9},
        without_services=True,
        services=("robot", "ocid1.user.oc1..robot"),
        excluded_users=("nobody@example.com", "ocid1.user.oc1..nobody"),
        own=("ocid1.fnfunc.oc1.iad.ours",),
    ),
    TamperWatch(("ocid1.bucket.oc1.iad.ours", "ocid1.fnapp.oc1.iad.ours", "ocid1.policy.oc1..ours")),
)


class _Sink:
    """Takes and confirms everything."""

    sent = confirmed = 0

    def write(self, data: bytes, messages: int) -> None:
        self.sent += messages
        self.confirmed = self.sent

    def finish(self) -> None:
        """Nothing is under way."""


def pages() -> list[bytes]:
    """Pages as OCI lists them, without what services did, which would be left out."""
    sampler = Sampler("ocid1.tenancy.oc1..t", "ocid1.compartment.oc1..c", "app", "bench")
    events = (sampler.event(1_767_225_600.0 + number) for number in itertools.count())
    people = (event for event in events if event["data"]["identity"]["authType"] not in ("resource", "service"))
    return [json.dumps(list(itertools.islice(people, PAGE))).encode() for _ in range(PAGES)]


def seconds(bodies: list[bytes], rules: Rules, watch: TamperWatch) -> tuple[float, int]:
    """CPU an event, and how many were sent."""
    tally, sink = Tally(), _Sink()
    render = Renderer(
        format="cef", header="rfc5424", facility="local0", app_name="epimetheus", hostname="here", max_bytes=8000, run_id="bench"
    )
    forwarder = Forwarder(SeenKeys(), Selection(rules, watch, RateLimits({})), render, framer("octet-counting"), sink, tally)
    forwarder.compartment_paths = {"ocid1.compartment.oc1..c": "root/prod/app"}
    work = FetchTask("ocid1.compartment.oc1..c", Window(0, 60))
    began = time.process_time()
    for body in bodies:
        forwarder.forward_page(work, decode_page(body))
    forwarder.finish()
    return (time.process_time() - began) / tally.fetched, tally.forwarded


def main() -> int:
    """Measure; print."""
    bodies = pages()
    best = {"without rules": 1.0, "every kind of rule": 1.0}
    sent = dict.fromkeys(best, 0)
    for _ in range(TURNS):
        for name, chosen in zip(best, (NONE, ALL), strict=True):
            taken, sent[name] = seconds(bodies, *chosen)
            best[name] = min(best[name], taken)
    bare, ruled = best.values()
    for name, taken in best.items():
        sys.stdout.write(f"{name:20} {taken * 1e6:6.1f} µs an event, {sent[name]:,} of {PAGES * PAGE:,} sent\n")
    sys.stdout.write(f"rules add {ruled / bare - 1:.0%}; the goal is less than half\n")
    return int(ruled / bare >= 1.5)


if __name__ == "__main__":
    sys.exit(main())
