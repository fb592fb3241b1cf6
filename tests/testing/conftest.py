"""Tests with the fixture `endpoint` run in process and over HTTP."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import oci
import pytest
import requests

from epimetheus.testing.oci import World, mock_oci, serve
from epimetheus.testing.oci.credentials import ApiKey

NOON = 1767268800.0  # 2026-01-01T12:00:00Z


@dataclass
class Endpoint:
    """Access to a world. `url` is None in process, where requests go to the real host names."""

    world: World
    config: dict[str, Any]
    url: str | None

    def client(self, kind: Any, **arguments: Any) -> Any:
        if self.url is not None:
            arguments["service_endpoint"] = self.url
        return kind(
            self.config,
            retry_strategy=oci.retry.NoneRetryStrategy(),
            circuit_breaker_strategy=oci.circuit_breaker.NoCircuitBreakerStrategy(),
            **arguments,
        )

    @cached_property
    def signer(self) -> oci.signer.Signer:
        return oci.signer.Signer.from_config(self.config)

    def request(self, method: str, host: str, path: str, **arguments: Any) -> requests.Response:
        base = self.url or f"https://{host}.us-ashburn-1.oraclecloud.com"
        return requests.request(method, base + path, **{"auth": self.signer, "timeout": 5, **arguments})

    def list_events(self, compartment: str, start: str, end: str, page: str | None = None, **arguments: Any) -> requests.Response:
        query = {"compartmentId": compartment, "startTime": start, "endTime": end, "page": page}
        return self.request("GET", "audit", "/20190901/auditEvents", params=query, **arguments)


@pytest.fixture
def world(api_key: ApiKey) -> World:
    return World(now=lambda: NOON, api_key=api_key)


@pytest.fixture(params=["in process", "http"])
def endpoint(request: pytest.FixtureRequest, world: World, tmp_path: Path) -> Iterator[Endpoint]:
    config = oci.config.from_file(str(world.credentials(tmp_path)))
    if request.param == "http":
        with serve(world) as served:
            yield Endpoint(world, config, served.url)
    else:
        with mock_oci(world):
            yield Endpoint(world, config, None)
