"""`python -m epimetheus.testing`, and a world that serves concurrent requests."""

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import oci
import pytest
import requests

from epimetheus.testing.__main__ import build, parse
from epimetheus.testing.oci import serve

ROOT = Path(__file__).parents[2]


def test_the_command_serves_the_printed_settings_until_interrupted(tmp_path):
    command = [sys.executable, "-m", "epimetheus.testing", "--events", "20", "--compartments", "3", "--folder", str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        lines = [process.stdout.readline() for _ in range(5)]
        settings = dict(line.removeprefix("export ").strip().split("=", 1) for line in lines)
        config = oci.config.from_file(settings["OCI_CONFIG_FILE"])
        identity = oci.identity.IdentityClient(config, service_endpoint=settings["OCI_ENDPOINT"])
        found = identity.list_compartments(settings["TENANCY_OCID"], compartment_id_in_subtree=True).data
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    assert list(settings) == ["OCI_AUTH", "OCI_CONFIG_FILE", "OCI_ENDPOINT", "STATE_BUCKET", "TENANCY_OCID"]
    assert (settings["OCI_AUTH"], settings["STATE_BUCKET"]) == ("config_file", "epimetheus")
    assert [one.name for one in found] == ["network-0", "apps-1", "security-2"]


def test_events_are_spread_over_all_compartments_and_end_three_minutes_ago():
    world = build(parse(["--events", "9", "--compartments", "3", "--hours", "1"]))
    compartments = [world.tenancy, *(one.id for one in world.compartments.below(world.tenancy, subtree=True))]
    assert [len(world.events(one)) for one in compartments] == [3, 2, 2, 2]
    newest = max(event["eventTime"] for one in compartments for event in world.events(one))
    assert newest < (datetime.now(UTC) - timedelta(minutes=3)).isoformat()


def test_concurrent_clients(world, tmp_path):
    world.page_size = 100
    ids = world.emit(world.tenancy, 2000, 1767265200.0, 1767268800.0)
    signer = oci.signer.Signer.from_config(oci.config.from_file(str(world.credentials(tmp_path))))
    query = {"compartmentId": world.tenancy, "startTime": "2026-01-01T11:00:00Z", "endTime": "2026-01-01T12:00:00Z"}

    def everything(url):
        found, page = [], None
        with requests.Session() as session:
            while True:
                response = session.get(f"{url}/20190901/auditEvents", params={**query, "page": page}, auth=signer)
                found += [event["eventId"] for event in response.json()]
                page = response.headers.get("opc-next-page")
                if page is None:
                    return found

    with serve(world) as served, ThreadPoolExecutor(8) as pool:
        assert all(found == ids for found in pool.map(everything, [served.url] * 8))
    assert len(world.requests_for("ListEvents")) == 8 * 20


def test_after_the_context_connections_are_refused(world):
    with requests.Session() as session:
        with serve(world) as served:
            assert session.get(served.url + "/n").status_code == 401
        with pytest.raises(requests.exceptions.ConnectionError):
            session.get(served.url + "/n")
