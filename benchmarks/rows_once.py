"""Rows for costs per run or per process: the listing, the ledger, the cold start, the image."""

import resource
import subprocess
import time
from collections.abc import Callable
from typing import Any

from oci.object_storage import ObjectStorageClient

from benchmarks.bench import BUCKET, SECONDS, Bench
from benchmarks.figures import Figure
from benchmarks.helper import HelperProcess
from epimetheus.clock import SYSTEM, Deadline
from epimetheus.ledger.entry import Entry
from epimetheus.ledger.ledger import Ledger
from epimetheus.ledger.object_storage import ObjectEntryStore
from epimetheus.model import Window
from epimetheus.oci_client.clients import make_client, sign_in
from epimetheus.run.delivered import DeliveredKeys
from epimetheus.run.known_compartments import known_compartments, update_compartments
from epimetheus.source.compartments import choose, discover, paths
from epimetheus.source.identity import IdentityClient, compartment_pages
from epimetheus.state.model import State
from tests.support.image import PYTHON, environment, size

_MB = 1e6
_ENTRIES = 16  # one a minute, for an overlap of 15 minutes and one more
_COMMITTED = 1_000
_NOW = 29_400_000


def discovery(bench: Bench) -> list[Figure]:
    """One listing through the SDK in this process; state and memory of a run of the function over the same compartments."""
    sizes, tenancy = bench.sizes, bench.api_options.tenancy
    with bench.api(compartments=sizes.listed) as api:
        list_page = compartment_pages(_client(bench, api, IdentityClient))
        used = min(_cpu(lambda: _discover(list_page, tenancy)) for _ in range(sizes.repeats))
    few, many = bench.cached_call(0, sizes.growth_compartments[0]), bench.cached_call(0, sizes.listed)
    per = (many[0].cpu - few[0].cpu) / (sizes.listed - sizes.growth_compartments[0])
    more = (many[0].peak - few[0].peak) / _MB
    each = f"{many[1] / sizes.listed:.0f} bytes each"
    note = f"{more:.0f} MB more than with {sizes.growth_compartments[0]}; {per * 1e3:.1f} ms of CPU per polled compartment"
    prefix = f"{sizes.listed:,} compartments"
    return [
        Figure("discovery", f"{prefix}: CPU of one listing", used, "s", 1.0, note="including selection and paths"),
        Figure("discovery", f"{prefix}: state size", many[1] / _MB, "MB", 2.0, note=each),
        Figure("discovery", f"{prefix}: peak memory", many[0].peak / _MB, "MB", note=note),
    ]


def _discover(list_page: Any, tenancy: str) -> None:
    """The discover step of a run, without its ports."""
    listing = discover(list_page, tenancy, Deadline.after(SYSTEM, SECONDS))
    asked = choose(listing.compartments, "all", (), tenancy)
    state, _ = update_compartments(State("here", _NOW), listing, asked, now=_NOW, lookback=60, overlap=15)
    paths(known_compartments(state))


def ledger(bench: Bench) -> list[Figure]:
    """Reads the entries of an overlap with many keys, and writes one more, through the SDK in this process."""
    keys, window = bench.sizes.keys, Window(_NOW - _ENTRIES, _NOW)
    each = -(-keys // _ENTRIES)
    with bench.api() as api:
        client = _client(bench, api, ObjectStorageClient)
        full, other = (Ledger(ObjectEntryStore(client, client, "bench", BUCKET, f"{name}/")) for name in ("full", "other"))
        for n in range(_ENTRIES):
            full.append(_entry(n, Window(_NOW - _ENTRIES, _NOW - _ENTRIES + n + 1), _some_keys(n, min(each, max(0, keys - n * each)))))
        loads, many, none = [], [], []
        for turn in range(bench.sizes.repeats):
            delivered, nothing = DeliveredKeys().connected(full), DeliveredKeys().connected(other)
            loads.append(_cpu(lambda delivered=delivered: delivered.load_all(window)))
            assert len(delivered.seen) == keys
            for first, kept, used in ((100, delivered.connected(other), many), (200, nothing, none)):
                one = _entry(first + turn, Window(_NOW - 15, _NOW + 1), _some_keys(first + turn, _COMMITTED))
                used.append(_cpu(lambda kept=kept, one=one: _commit(kept, one)))
    note = f"{_COMMITTED:,} new keys each"
    return [
        Figure("ledger", f"start with {keys:,} keys in {_ENTRIES} entries, CPU", min(loads), "s", 1.5, note="list, read, check, remember"),
        Figure("ledger", "commit with these keys in memory \u00f7 without, CPU", min(many) / min(none), "\u00d7", 1.2, note=note),
    ]


def _entry(number: int, window: Window, keys: bytes) -> Entry:
    return Entry("t", "here", "bench", number + 1, "poll", 0, 0.0, {("c", window): keys}, 1, "0" * 64, None)


def _commit(delivered: DeliveredKeys, entry: Entry) -> None:
    """The part of a commit that depends on keys: an entry, and dropping what can no longer come again."""
    delivered.record(entry)
    delivered.forget(_NOW - _ENTRIES)


def _some_keys(seed: int, count: int) -> bytes:
    return b"".join(b"%08x%08x" % (seed, number) for number in range(count))


def cold(bench: Bench) -> list[Figure]:
    """CPU from the start of the process to the first request of the first call, in turns with a process that only imports fdk."""
    used, least = [], []
    for _ in range(bench.sizes.repeats + 1):  # The first may have to compile.
        with bench.stage(waits=True) as stage:
            used.append(stage.first_request())
        least.append(_import_fdk(bench))
    note = "fdk, the SDK, settings, signing in"
    return [
        Figure("cold", "cold start until the first request ÷ import fdk", min(used) / min(least), "×", 3.0, note=note),
        Figure("cold", "cold start until the first request, CPU", min(used), "s"),
    ]


def _import_fdk(bench: Bench) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([PYTHON, "-S", "-c", "import fdk"], env=environment(bench.image().folder), check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def image(bench: Bench) -> list[Figure]:
    """Size of the image's contents, prepared as in the Dockerfile."""
    image = bench.image()
    note = f"without the base image; {image.bytes_before / _MB:.0f} MB before pruning and compiling"
    return [Figure("image", "packages and code in the image", size(image.folder) / _MB, "MB", 90.0, note=note)]


def _client(bench: Bench, api: HelperProcess, kind: Callable[..., Any]) -> Any:
    credentials = sign_in("config_file", str(bench.world.credentials(bench.folder)), "DEFAULT")
    return make_client(kind, credentials, region=credentials.region, endpoint=f"https://localhost:{api.port}", seconds=SECONDS)


def _cpu(doing: Callable[[], object]) -> float:
    began = time.process_time()
    doing()
    return time.process_time() - began
