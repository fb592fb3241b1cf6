"""Rows for costs per run or per process: the listing, the state, the cold start, the image."""

import time
from collections.abc import Callable
from typing import Any

from oci.identity import IdentityClient
from oci.object_storage import ObjectStorageClient

from benchmarks.bench import BUCKET, SECONDS, Bench
from benchmarks.figures import Figure
from benchmarks.helper import HelperProcess
from epimetheus.clock import SYSTEM, Deadline
from epimetheus.oci_client.clients import make_client, sign_in
from epimetheus.run.known_compartments import known_compartments, update_compartments
from epimetheus.select.dedupe import KEY_BYTES, SeenKeys
from epimetheus.source.compartments import choose, discover, paths
from epimetheus.source.identity import compartment_pages
from epimetheus.state.encoding import pack, unpack
from epimetheus.state.model import State
from epimetheus.state.object_storage import ObjectStore
from tests.support.image import size

_MB = 1e6
_MINUTES = 16  # period of the keys: an overlap of 15 minutes, and one more
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


def state(bench: Bench) -> list[Figure]:
    """Loads and saves a state with many keys through the SDK in this process."""
    keys = bench.sizes.keys
    each = -(-keys // _MINUTES)
    buckets = {_NOW + n: _some_keys(n, min(each, keys - n * each)) for n in range(_MINUTES) if keys > n * each}
    data = pack(State("here", _NOW, keys=buckets))
    with bench.api() as api:
        store = ObjectStore(_client(bench, api, ObjectStorageClient), "bench", BUCKET, "state")
        etag: str | None = store.write(data, None)
        loads, saves = [], []
        for _ in range(bench.sizes.repeats):
            loads.append(_cpu(lambda: _loaded(store)))
            seen = _loaded(store)
            saves.append(_cpu(lambda: store.write(pack(State("here", _NOW, keys=seen.packed())), etag)))
            etag = _etag(store)
    load, save = min(loads), min(saves)
    return [
        Figure("state", f"state size, {keys:,} keys", len(data) / _MB, "MB", 17.0, note=f"{KEY_BYTES} bytes per key"),
        Figure("state", "state load and save, CPU", load + save, "s", 1.0, note=f"load {load:.2f} s, save {save:.2f} s; a run loads once"),
    ]


def _some_keys(seed: int, count: int) -> bytes:
    return b"".join(b"%08x%08x" % (seed, number) for number in range(count))


def _loaded(store: ObjectStore) -> SeenKeys:
    stored = store.read()
    return SeenKeys(unpack(stored.data, "the state").keys if stored else None)


def _etag(store: ObjectStore) -> str | None:
    stored = store.read()
    return stored.etag if stored else None


def cold(bench: Bench) -> list[Figure]:
    """CPU from the start of the process to the first request of the first call."""
    used = []
    for _ in range(bench.sizes.repeats + 1):  # The first may have to compile.
        with bench.stage(waits=True) as stage:
            used.append(stage.first_request())
    note = "fdk, the SDK, settings, signing in"
    return [Figure("cold", "cold start until the first request, CPU", min(used), "s", 0.7, note=note)]


def image(bench: Bench) -> list[Figure]:
    """Size of the image's contents, prepared as in the Dockerfile."""
    image = bench.image()
    note = f"without the base image; {image.bytes_before / _MB:.0f} MB before pruning and compiling"
    return [Figure("image", "packages and code in the image", size(image.folder) / _MB, "MB", 90.0, note=note)]


def _client(bench: Bench, api: HelperProcess, kind: Callable[..., Any]) -> Any:
    credentials = sign_in("config_file", str(bench.world.credentials(bench.folder)), "DEFAULT")
    return make_client(kind, credentials, region=credentials.region, endpoint=f"http://127.0.0.1:{api.port}", seconds=SECONDS)


def _cpu(doing: Callable[[], object]) -> float:
    began = time.process_time()
    doing()
    return time.process_time() - began
