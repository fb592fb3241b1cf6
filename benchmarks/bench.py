"""The function on its stage: served by the real fdk, before a stand-in API and a receiver in processes of their own."""

import json
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import pages
from benchmarks.api import Told, compartment
from benchmarks.helper import Helper, helping
from benchmarks.process import cpu_seconds, peak_bytes, wait_until_idle
from benchmarks.sizes import Sizes
from epimetheus.testing.function import Function
from epimetheus.testing.oci import World
from epimetheus.testing.syslog import Authority

BUCKET = "audit-state"
SECONDS = 1800.0  # what a call is given
SETTLE_MINUTES = 2  # the default of that setting


class Called(NamedTuple):
    """One call of the function. ``cpu`` and ``wall`` in seconds, ``peak`` in bytes; what API and receiver took of CPU, for comparison."""

    report: dict[str, Any]
    cpu: float
    wall: float
    peak: int
    api_cpu: float
    receiver_cpu: float


@dataclass(frozen=True)
class Stage:
    """A function that is being served, and what it speaks to."""

    function: Function
    api: Helper
    receiver: Helper

    @property
    def pid(self) -> int:
        """The function's process."""
        return self.function.process.pid

    def call(self) -> Called:
        """Invoke it, once it has come to rest. Raises RuntimeError where it failed, or the receiver does not have what it says."""
        wait_until_idle(self.pid)
        arrived, cpu, wall = self.receiver.ask("told")["messages"], self._cpu(), time.monotonic()
        answer = self.function.call(seconds=SECONDS)
        wall, taken = time.monotonic() - wall, [after - before for after, before in zip(self._cpu(), cpu, strict=True)]
        if answer.status != 200:
            raise RuntimeError(f"the call failed: {answer.body.decode('utf-8', 'replace')}")
        (report,) = json.loads(answer.body)
        arrived = self.receiver.ask("told")["messages"] - arrived
        if arrived != report["forwarded"]:
            raise RuntimeError(f"{report['forwarded']} were forwarded, {arrived} arrived")
        return Called(report, taken[0], wall, peak_bytes(self.pid), *taken[1:])

    def first_request(self) -> float:
        """CPU of the function from the start of its process to its first request, which the API does not answer before that is read."""
        calling = threading.Thread(target=self.function.call, kwargs={"seconds": SECONDS})
        calling.start()
        self.api.hear()
        taken = cpu_seconds(self.pid)
        self.api.say("release")
        calling.join()
        return taken

    def _cpu(self) -> tuple[float, float, float]:
        return cpu_seconds(self.pid), self.api.cpu(), self.receiver.cpu()


@dataclass(frozen=True)
class Bench:
    """What all measurements share: sizes, a folder, pages, credentials, a certificate. ``met``: calls that several rows look at."""

    sizes: Sizes
    folder: Path
    world: World
    authority: Authority
    told: Told
    met: dict[tuple[int, int, int], tuple[Called, int]] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def open(cls, sizes: Sizes) -> Iterator["Bench"]:
        """Render the pages, and make what is needed."""
        with tempfile.TemporaryDirectory(prefix="epimetheus-bench-") as name:
            folder, world = Path(name), World()
            templates = folder / "pages"
            pages.write(templates, world.tenancy, compartment(1), sizes.page)
            told = Told(str(templates), sizes.page, world.tenancy, sizes.places)
            yield cls(sizes, folder, world, Authority(folder / "authority"), told)

    @contextmanager
    def receiving(self) -> Iterator[Helper]:
        """A receiver."""
        cert, key = self.authority.server()
        with helping("receiver", {"cert": str(cert), "key": str(key)}) as receiver:
            yield receiver

    @contextmanager
    def serving(self, **changes: Any) -> Iterator[Helper]:
        """An API that is as ``changes`` say (`Told`)."""
        with helping("api", vars(replace(self.told, **changes))) as api:
            yield api

    @contextmanager
    def stage(self, settings: dict[str, str] | None = None, **changes: Any) -> Iterator[Stage]:
        """The function with ``settings`` beyond what it needs, before a receiver and such an API."""
        with self.receiving() as receiver, self.serving(**changes) as api:
            needed = {
                **self.world.resource_principal(self.folder),
                "OCI_ENDPOINT": f"http://127.0.0.1:{api.port}",
                "SYSLOG_HOST": "localhost",
                "SYSLOG_PORT": str(receiver.port),
                "SYSLOG_CA": f"file:{self.authority.ca}",
                "STATE_BUCKET": BUCKET,
                "API_REQUESTS_PER_SECOND": "10000",
                "INITIAL_LOOKBACK_HOURS": "1",
            }
            with self.function({**needed, **(settings or {})}) as function:
                yield Stage(function, api, receiver)

    @contextmanager
    def function(self, settings: dict[str, str]) -> Iterator[Function]:
        """The function, served from what the image holds, and in its environment, by the same hands as `tests/deploy/test_image.py`."""
        from tests.deploy.test_image import lay_out, serving  # noqa: PLC0415 - pytest, which not all rows need

        image = self.folder / "image"
        if not image.exists():
            lay_out(image)
        with tempfile.TemporaryDirectory(prefix="fn-") as folder, serving(image, Path(folder), settings) as function:
            yield function

    def once(self, events: int, compartments: int, hours: int = 1) -> tuple[Called, int]:
        """One call over so many, and the bytes of the state it leaves; the same is not called twice.

        The events are those of so many ``hours`` without a run; within one they are all in one window.
        """
        key = events, compartments, hours
        if key not in self.met:
            spread = {"minutes": hours * 60, "until": int(time.time() // 60) - SETTLE_MINUTES} if hours > 1 else {}
            settings = {"INITIAL_LOOKBACK_HOURS": str(hours)}
            with self.stage(settings, events=events, compartments=compartments, **spread) as stage:
                self.met[key] = stage.call(), stage.api.ask("state")["bytes"]
        return self.met[key]
