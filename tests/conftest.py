"""What many tests need: a key for the stand-in, and a clock that is moved by hand."""

from dataclasses import dataclass, field

import pytest

from epimetheus.clock import Clock, Deadline
from epimetheus.testing.oci.credentials import ApiKey


@dataclass
class HandClock:
    """Time that passes only by sleeping, or by `forward`."""

    time: float = 1_767_268_800.0  # 2026-01-01T12:00:00Z
    slept: list[float] = field(default_factory=list)

    def forward(self, seconds: float) -> None:
        self.time += seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.forward(seconds)

    @property
    def clock(self) -> Clock:
        return Clock(now=lambda: self.time, monotonic=lambda: self.time, sleep=self.sleep)

    def deadline(self, seconds: float) -> Deadline:
        return Deadline.after(self.clock, seconds)


@pytest.fixture(scope="session")
def api_key() -> ApiKey:
    return ApiKey.generate()


@pytest.fixture
def hand() -> HandClock:
    return HandClock()
