"""What many tests need: a key for the stand-in, a clock that is moved by hand, and the function on a stage."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from epimetheus.testing.oci.credentials import ApiKey
from tests.support.budget import load_profile
from tests.support.hand import HandClock
from tests.support.harness import Stage, restored_logging, staged
from tests.support.image import Image, lay_out
from tests.support.schedule import distribute

load_profile()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        distribute(items)


@pytest.fixture(scope="session")
def api_key() -> ApiKey:
    return ApiKey.generate()


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
