"""Runs the function with the real fdk, against a stand-in API and a receiver in separate processes."""

import json
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import certifi

from benchmarks import sample_pages
from benchmarks.api import ApiOptions
from benchmarks.base import Base, lay_out_base
from benchmarks.helper import HelperProcess, start_helper
from benchmarks.process import cpu_seconds, peak_bytes, wait_until_idle
from benchmarks.sizes import Sizes
from epimetheus.testing.function import Function
from epimetheus.testing.oci import World
from epimetheus.testing.syslog import Authority
from tests.support.image import Image, lay_out, serving

BUCKET = "audit-state"
SECONDS = 1800.0  # time limit of a call
SETTLE_MINUTES = 2  # default of the setting
_MINUTES_LATER = 5  # the function may start when a minute or more has passed: its window begins later


def spread_over(hours: int) -> dict[str, int]:
    """Options of an API whose events are all within the last ``hours``, also if the function starts a few minutes later."""
    return {"minutes": hours * 60 - _MINUTES_LATER, "until": int(time.time() // 60) - SETTLE_MINUTES}


class CallResult(NamedTuple):
    """One call of the function. Times in seconds, ``peak`` in bytes. ``api_cpu`` and ``receiver_cpu`` are for comparison."""

    report: dict[str, Any]
    cpu: float
    wall: float
    peak: int
    api_cpu: float
    receiver_cpu: float


@dataclass(frozen=True)
class Stage:
    """A running function, and the processes that it connects to."""

    function: Function
    api: HelperProcess
    receiver: HelperProcess

    @property
    def pid(self) -> int:
        """Process ID of the function."""
        return self.function.process.pid

    def call(self) -> CallResult:
        """Invokes the idle function. Raises RuntimeError if the call fails, or the receiver's count differs from the report."""
        wait_until_idle(self.pid)
        received, cpu, wall = self.receiver.request("counts")["messages"], self._cpu(), time.monotonic()
        result = self.function.call(seconds=SECONDS)
        wall, used = time.monotonic() - wall, [after - before for after, before in zip(self._cpu(), cpu, strict=True)]
        if result.status != 200:
            raise RuntimeError(f"The call failed: {result.body.decode('utf-8', 'replace')}")
        (report,) = json.loads(result.body)
        received = self.receiver.request("counts")["messages"] - received
        if received != (sent := report["forwarded"] + report["notices"]):
            raise RuntimeError(f"The report counts {sent} events and notices, but the receiver got {received} messages.")
        return CallResult(report, used[0], wall, peak_bytes(self.pid), *used[1:])

    def first_request(self) -> float:
        """Returns the CPU time of the function from its start to its first request. The API delays its response until this is read."""
        calling = threading.Thread(target=self.function.call, kwargs={"seconds": SECONDS})
        calling.start()
        self.api.receive()
        used = cpu_seconds(self.pid)
        self.api.send("release")
        calling.join()
        return used

    def _cpu(self) -> tuple[float, float, float]:
        return cpu_seconds(self.pid), self.api.cpu(), self.receiver.cpu()


@contextmanager
def _trusted(certificates: Path) -> Iterator[None]:
    """Clients in this process trust these CA certificates."""
    before = os.environ.get("REQUESTS_CA_BUNDLE")
    os.environ["REQUESTS_CA_BUNDLE"] = str(certificates)
    try:
        yield
    finally:
        os.environ.pop("REQUESTS_CA_BUNDLE")
        if before is not None:
            os.environ["REQUESTS_CA_BUNDLE"] = before


@dataclass(frozen=True)
class Bench:
    """Resources that all measurements share.

    ``unique_pages``: pages of a tenancy where nothing repeats; those of the API's options repeat. ``image`` prepares the image's
    contents once, and ``base`` those of an earlier commit, if there is one. ``cached_calls``: results of several rows.
    """

    sizes: Sizes
    folder: Path
    world: World
    authority: Authority
    api_options: ApiOptions
    unique_pages: Path
    image: Callable[[], Image]
    base: Callable[[], Base | None]
    cached_calls: dict[tuple[int, int, int], tuple[CallResult, int]] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def open(cls, sizes: Sizes, image: Image | None = None, commit: str | None = None) -> Iterator["Bench"]:
        """Renders the pages, and creates credentials and certificates.

        ``image``: the contents of the image, if they exist already. ``commit``: the earlier commit that is measured, too.
        """
        with tempfile.TemporaryDirectory(prefix="epimetheus-bench-") as name:
            folder, world = Path(name), World()
            templates, unique, authority = folder / "pages", folder / "unique-pages", Authority(folder / "authority")
            sample_pages.write(templates, world.tenancy, sizes.page)
            sample_pages.write(unique, world.tenancy, sizes.page, repeats=False)
            cert, key = authority.server()
            options = ApiOptions(str(templates), str(cert), str(key), sizes.page, world.tenancy, sizes.places)
            contents = cache(lambda: image or lay_out(folder / "image"))
            base = cache(lambda: lay_out_base(folder / "base", commit) if commit else None)
            trusted = folder / "trusted.pem"  # as many certificates as in production
            trusted.write_text(Path(certifi.where()).read_text("utf-8") + authority.ca.read_text("utf-8"), "utf-8")
            with _trusted(trusted):
                yield cls(sizes, folder, world, authority, options, unique, contents, base)

    @contextmanager
    def receiver(self) -> Iterator[HelperProcess]:
        """Runs a receiver."""
        cert, key = self.authority.server()
        with start_helper("receiver", {"cert": str(cert), "key": str(key)}) as receiver:
            yield receiver

    @contextmanager
    def api(self, **changes: Any) -> Iterator[HelperProcess]:
        """Runs a stand-in API. ``changes``: fields of ApiOptions."""
        with start_helper("api", vars(replace(self.api_options, **changes))) as api:
            yield api

    @contextmanager
    def stage(self, settings: dict[str, str] | None = None, *, image: Image | None = None, **changes: Any) -> Iterator[Stage]:
        """Runs the function with additional ``settings``, a receiver, and an API with ``changes``. ``image``: instead of this one's."""
        with self.receiver() as receiver, self.api(**changes) as api:
            required = {
                **self.world.resource_principal(self.folder),
                "OCI_ENDPOINT": f"https://localhost:{api.port}",
                "REQUESTS_CA_BUNDLE": str(self.folder / "trusted.pem"),
                "SYSLOG_HOST": "localhost",
                "SYSLOG_PORT": str(receiver.port),
                "SYSLOG_CA": f"file:{self.authority.ca}",
                "STATE_BUCKET": BUCKET,
                "API_REQUESTS_PER_SECOND": "10000",
                "INITIAL_LOOKBACK_HOURS": "1",
            }
            with self.function({**required, **(settings or {})}, image or self.image()) as function:
                yield Stage(function, api, receiver)

    @contextmanager
    def function(self, settings: dict[str, str], image: Image) -> Iterator[Function]:
        """Runs the function from the contents of the image and in its environment."""
        with tempfile.TemporaryDirectory(prefix="fn-") as folder, serving(image.folder, Path(folder), settings) as function:
            yield function

    def cached_call(self, events: int, compartments: int, hours: int = 1) -> tuple[CallResult, int]:
        """Returns one call and the size of its state in bytes. A repetition returns the same result.

        ``hours``: the period of the events; with 1, all events are in one window.
        """
        key = events, compartments, hours
        if key not in self.cached_calls:
            spread = spread_over(hours) if hours > 1 else {}
            settings = {"INITIAL_LOOKBACK_HOURS": str(hours)}
            with self.stage(settings, events=events, compartments=compartments, **spread) as stage:
                self.cached_calls[key] = stage.call(), stage.api.request("state")["bytes"]
        return self.cached_calls[key]
