"""`python -m epimetheus.testing`, and a world that serves concurrent requests."""

import json
import signal
import socket
import ssl
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import oci
import pytest
import requests

from epimetheus.cli.run_log import parse_run
from epimetheus.reports import Report
from epimetheus.testing.__main__ import build, main, parse, sample_events
from epimetheus.testing.oci import World, serve
from epimetheus.testing.sample_runs import sample_runs

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


def test_the_command_serves_a_receiver_and_writes_the_settings_to_a_file(tmp_path):
    folder, file = tmp_path / "stand ins", tmp_path / "settings.env"
    command = [sys.executable, "-m", "epimetheus.testing", "--receiver", "--events", "20", "--folder", str(folder), "--env-file", str(file)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        printed = process.stdout.readline()
        shown = subprocess.run(["sh", "-c", f"set -a; . {file}; env"], check=True, capture_output=True, text=True, env={}).stdout
        settings = dict(line.split("=", 1) for line in shown.splitlines())
        context = ssl.create_default_context(cafile=settings["SYSLOG_CA"].removeprefix("file:"))
        host, port = settings["SYSLOG_HOST"], int(settings["SYSLOG_PORT"])
        with socket.create_connection((host, port)) as plain, context.wrap_socket(plain, server_hostname=host) as connection:
            connection.sendall(b"7 <1>1 a\n5 <1>1 ")
            connection.unwrap()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert printed == f"The settings are in {file}. In another terminal, run: epimetheus validate --env-file {file}\n"
    assert settings["OCI_CONFIG_FILE"] == str(folder / "config")
    assert (folder / "messages.log").read_bytes() == b"<1>1 a\n\n<1>1 \n"


@pytest.mark.parametrize("option", ["--folder", "--env-file"])
def test_a_file_that_cannot_be_written_is_named(tmp_path, capsys, monkeypatch, option):
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    (tmp_path / "file").write_text("")
    where = tmp_path / "file" / "settings" if option == "--env-file" else tmp_path / "file" / "oci"
    assert main(["--events", "0", option, str(where)]) == 2
    expected = f"Starting the stand-ins failed: {where}: Not a directory. Check {option}.\n"
    assert capsys.readouterr() == ("", expected)


def test_a_port_in_use_is_named(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["--events", "0", "--folder", str(tmp_path), "--port", str(taken.getsockname()[1])]) == 2
    assert capsys.readouterr() == ("", "Starting the stand-ins failed: Address already in use. Check --port.\n")


def test_late_events_are_listed_with_the_first_seal():
    world = build(parse(["--events", "0", "--compartments", "3", "--per-minute", "0", "--late", "5"]))
    compartments = [world.tenancy, *(one.id for one in world.compartments.below(world.tenancy, subtree=True))]

    def listed():
        return [len(world.events(one)) for one in compartments]

    world.put("epimetheus", "epimetheus/us-ashburn-1.state", b"")
    assert listed() == [0, 0, 0, 0]
    for number in range(2):
        world.put("epimetheus", f"epimetheus/seals/us-ashburn-1/2026/01/01/000000000{number}-ab12.json", b"")
        assert listed() == [2, 1, 1, 1]
    times = [datetime.fromisoformat(event["eventTime"]) for one in compartments for event in world.events(one)]
    assert {timedelta(hours=2) < datetime.now(UTC) - time < timedelta(hours=3, minutes=5) for time in times} == {True}


def test_the_log_of_earlier_runs_has_the_fields_of_a_report():
    lines = [line for _, line in sample_runs("us-ashburn-1", 1767268800.0)]
    reports = [msgspec.convert(line["report"], Report, strict=True) for line in lines]
    assert [msgspec.to_builtins(report) for report in reports] == [line["report"] for line in lines]
    assert [report.fetched - report.forwarded - report.unconfirmed - report.duplicates for report in reports] == [0] * 40
    assert [report.error.kind for report in reports if report.status != "ok"] == ["receiver"]
    assert {parse_run({"logContent": {"data": line}}).status for line in lines} == {"ok", "failed"}


def test_the_file_of_events_is_the_same_on_every_call_in_the_form_of_the_cli(api_key):
    first, second = (json.loads(sample_events(World(api_key=api_key)))["data"] for _ in range(2))
    assert first == second
    assert (len(first), first[0]["event-type"], first[0]["data"]["identity"]["auth-type"]) == (
        20, "com.oraclecloud.ObjectStorage.DeleteBucket", "service",
    )  # fmt: skip


def test_events_are_spread_over_all_compartments_and_end_three_minutes_ago():
    world = build(parse(["--events", "9", "--compartments", "3", "--hours", "1", "--per-minute", "0"]))
    compartments = [world.tenancy, *(one.id for one in world.compartments.below(world.tenancy, subtree=True))]
    assert [len(world.events(one)) for one in compartments] == [3, 2, 2, 2]
    newest = max(event["eventTime"] for one in compartments for event in world.events(one))
    assert newest < (datetime.now(UTC) - timedelta(minutes=3)).isoformat()


def test_new_events_happen_while_the_stand_in_runs():
    """docs/getting-started.md: a run some minutes later forwards new events."""
    before = datetime.now(UTC)
    world = build(parse(["--events", "4", "--compartments", "3"]))
    compartments = [world.tenancy, *(one.id for one in world.compartments.below(world.tenancy, subtree=True))]
    times = sorted(event["eventTime"] for one in compartments for event in world.events(one))
    new = [time for time in times if time > before.isoformat()]
    assert len(new) == 6 * 60 * 8
    assert (before + timedelta(minutes=2)).isoformat() < new[0]  # OCI processes an event some time after it
    assert len([time for time in new if time < (before + timedelta(minutes=15)).isoformat()]) in range(50, 80)


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
