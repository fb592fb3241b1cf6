"""What many tests need: a key for the stand-in, a clock that is moved by hand, and the function on a stage."""

import gc
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from epimetheus.testing.oci.credentials import ApiKey
from tests.support.budget import load_profile
from tests.support.hand import HandClock
from tests.support.harness import Stage, restored_logging, staged
from tests.support.image import Image, lay_out
from tests.support.schedule import GroupedScheduling, import_share, longest_first

load_profile()
for ignored in (signal.SIGINT, signal.SIGHUP):  # as after `make test &` in a script, or with nohup: the commands would ignore them, too
    if signal.getsignal(ignored) is signal.SIG_IGN:
        signal.signal(ignored, signal.default_int_handler if ignored == signal.SIGINT else signal.SIG_DFL)


def pytest_sessionstart(session: pytest.Session) -> None:
    import_share(session.config)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        longest_first(items)


def pytest_collection_finish() -> None:
    gc.freeze()  # modules and tests stay until the end, so no garbage collection has to visit them


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> GroupedScheduling | None:
    return GroupedScheduling(config, log) if config.getvalue("dist") == "loadgroup" else None


@pytest.fixture(scope="session")
def api_key() -> ApiKey:
    return ApiKey.generate(bits=1024)  # each run of the function loads it twice


@pytest.fixture(scope="session")
def laid_out(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return lay_out(tmp_path_factory.mktemp("image"))


@pytest.fixture
def hand() -> HandClock:
    return HandClock()


@pytest.fixture
def stage(tmp_path: Path, api_key: ApiKey) -> Iterator[Stage]:
    with restored_logging(), staged(tmp_path, api_key, page_size=50) as stage:
        yield stage
