"""CPU of rules: the same pages through decode, dedupe, rules, CEF and framing, without rules and with rules of every kind.

``python -m benchmarks.rules``: CPU per event of each, in one process and in turns; the minimum counts, because noise only adds.
"""

import itertools
import json
import sys
import time

from epimetheus.deliver import framer
from epimetheus.model import Window
from epimetheus.render.renderer import Renderer
from epimetheus.run.forwarder import Forwarder
from epimetheus.run.tally import Tally
from epimetheus.select.dedupe import SeenKeys
from epimetheus.select.rate_limits import RateLimits
from epimetheus.select.rules import Rules
from epimetheus.select.selection import Selection
from epimetheus.select.tamper_watch import TamperWatch
from epimetheus.source.decode import decode_page
from epimetheus.source.fetch import FetchTask
from epimetheus.testing.oci.samples import Sampler

PAGE, TURNS = 1000, 5
NONE = (Rules(), TamperWatch(()))
# The maximum of work: rules of every kind apply to nearly every event, and filter almost none.
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


class _Sender:
    """Accepts and confirms everything."""

    sent = confirmed = 0

    def write(self, data: bytes, messages: int) -> None:
        self.sent += messages
        self.confirmed = self.sent

    def finish(self) -> None:
        """Does nothing."""


def pages(count: int = 20) -> list[bytes]:
    """Returns ``count`` pages as OCI lists them, without events of services, which the rules would filter."""
    sampler = Sampler("ocid1.tenancy.oc1..t", "ocid1.compartment.oc1..c", "app", "bench")
    events = (sampler.event(1_767_225_600.0 + number) for number in itertools.count())
    people = (event for event in events if event["data"]["identity"]["authType"] not in ("resource", "service"))
    return [json.dumps(list(itertools.islice(people, PAGE))).encode() for _ in range(count)]


def seconds(bodies: list[bytes], rules: Rules, watch: TamperWatch) -> tuple[float, int]:
    """Returns the CPU seconds per event, and the number of sent events."""
    tally, sender = Tally(), _Sender()
    render = Renderer(
        format="cef", header="rfc5424", facility="local0", app_name="epimetheus", hostname="here", max_bytes=8000, run_id="bench"
    )
    forwarder = Forwarder(SeenKeys(), Selection(rules, watch, RateLimits({})), render, framer("octet-counting"), sender, tally)
    forwarder.compartment_paths = {"ocid1.compartment.oc1..c": "root/prod/app"}
    work = FetchTask("ocid1.compartment.oc1..c", Window(0, 60))
    began = time.process_time()
    for body in bodies:
        forwarder.forward_page(work, decode_page(body))
    forwarder.finish()
    return (time.process_time() - began) / tally.fetched, tally.forwarded


def main() -> int:
    """Measures and prints both."""
    bodies = pages()
    best = {"without rules": 1.0, "every kind of rule": 1.0}
    sent = dict.fromkeys(best, 0)
    for _ in range(TURNS):
        for name, selected in zip(best, (NONE, ALL), strict=True):
            used, sent[name] = seconds(bodies, *selected)
            best[name] = min(best[name], used)
    without, with_rules = best.values()
    for name, used in best.items():
        sys.stdout.write(f"{name:20} {used * 1e6:6.1f} µs per event, {sent[name]:,} of {len(bodies) * PAGE:,} sent\n")
    sys.stdout.write(f"rules add {with_rules / without - 1:.0%}; goal: less than 50 %\n")
    return int(with_rules / without >= 1.5)


if __name__ == "__main__":
    sys.exit(main())
