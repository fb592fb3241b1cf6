"""Mistyped settings: they bind no state, create none, and carry nothing over from another tenancy. Also: signing in ends in time."""

import json
import os
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import create_server
from types import SimpleNamespace

import pytest
from oci.auth.certificate_retriever import UrlBasedCertificateRetriever
from oci.auth.federation_client import X509FederationClient
from oci.retry import NoneRetryStrategy

from epimetheus.errors import CredentialsError
from epimetheus.function.invoke import invoke
from epimetheus.model import HourlyCount, time_text
from epimetheus.oci_client.http_limits import limit_signer
from epimetheus.state.encoding import pack, unpack
from epimetheus.state.marker import Markers
from epimetheus.state.model import BehindCompartment, KnownCompartment, Reconciled, State
from epimetheus.state.owner import Owner, receiver_id
from epimetheus.state.session import StateSession
from tests.cli.test_app import terminal  # noqa: F401 - a fixture
from tests.state.test_lifecycle import BUCKET, MINUTE, NOON, REGION, STATE, Disk, Killed, MemoryStore, delete, failed, marker

OTHER = "ocid1.tenancy.oc1..aaaother"


def ago(**time):
    return (datetime.now(UTC) - timedelta(**time)).strftime("%Y-%m-%dT%H:%M:00Z")


def test_an_adopted_state_has_nothing_of_the_other_tenancy(terminal):  # noqa: F811
    stage, type_in = terminal
    type_in("run", INITIAL_LOOKBACK_HOURS="1")
    path = Path(stage.environment["STATE_FILE"])
    known = {OTHER: KnownCompartment("root", None, True), "ocid1.compartment.oc1..aaax": KnownCompartment("x", OTHER, True)}
    behind = {"ocid1.compartment.oc1..aaax": BehindCompartment(MINUTE, "404")}
    path.write_bytes(pack(replace(unpack(path.read_bytes(), ""), known=known, behind=behind, tenancy=OTHER)))
    done = type_in("state", "adopt", "--reason", "moved", answer="n\n")
    assert done.exit_code == 1
    assert f"All data of tenancy {OTHER} is dropped: 2 compartments (2 polled, 1 behind), the rate limits," in done.output
    assert type_in("state", "adopt", "--reason", "moved", "--yes").exit_code == 0
    adopted = unpack(path.read_bytes(), "")
    assert (adopted.known, adopted.behind, adopted.listed, adopted.tenancy) == ({}, {}, 0, stage.world.tenancy)
    ids = stage.emit(stage.world.tenancy, 5, 30)
    assert (type_in("run").exit_code, stage.arrived()) == (0, ids)


def test_another_tenancy_gets_only_the_cursor():
    counts = {"rate_limits": {"type": {MINUTE: HourlyCount()}}, "reconciled": {60: Reconciled(MINUTE - 60)}}
    times = {"regions_listed": 1, "listed": 2, "began": 4, "slice_minutes": 5, "epoch": 7, "first_epoch": 6}
    compartments = {"known": {"c": KnownCompartment("c")}, "behind": {"c": BehindCompartment(1, "404")}}
    state = State(REGION, MINUTE, regions=("a-b-1",), **compartments, **counts, **times)
    assert state.for_other_tenancy() == State(REGION, MINUTE, epoch=7, first_epoch=6)


@pytest.mark.parametrize("typo", [{"SYSLOG_PORT": "1"}, {"TENANCY_OCID": "ocid1.tenancy.oc1..aaaatypo"}], ids=["receiver", "tenancy"])
def test_a_first_run_that_confirmed_nothing_binds_no_state(stage, typo):
    ids = stage.emit(stage.world.tenancy, 3, 20)
    for _ in range(2):
        failed(stage, **typo)
    assert (stage.state().receiver, marker(stage)["complete"]) == (None, False)
    report = stage.run()
    assert (report.status, report.first_start, stage.arrived()) == ("ok", False, ids)
    state, address = stage.state(), f"tls://localhost:{stage.receiver.port}"
    assert (state.tenancy, state.receiver.address) == (stage.world.tenancy, address)
    assert {key: marker(stage)[key] for key in ("complete", "tenancy", "receiver")} == {
        "complete": True, "tenancy": stage.world.tenancy, "receiver": address,
    }  # fmt: skip
    assert (
        "Nothing is forwarded. If SYSLOG_HOST, SYSLOG_PORT or TENANCY_OCID is mistyped, correct it. If both deployments are in use, set a"
        " separate STATE_PREFIX (or STATE_FILE) for this one. If this one replaces the other, run"
        " `epimetheus state adopt --reason TEXT` with its settings."
    ) in failed(stage, **typo)
    delete(stage, STATE)
    assert "There is no state in" in failed(stage)


def test_a_seal_that_could_not_be_sent_binds_no_state(stage):
    report = stage.run(SYSLOG_PORT="1", SEAL_MESSAGES="true")
    assert (report.status, report.seal.stored, report.seal.sent, report.seal.pending) == ("ok", True, False, 1)
    assert any(warning.startswith("Connection refused") or "refused" in warning for warning in report.warnings)
    assert (stage.state().last["caught_up"], stage.state().receiver) == (True, None)
    assert stage.run(SEAL_MESSAGES="true").status == "ok"
    assert stage.state().receiver.address == f"tls://localhost:{stage.receiver.port}"


def test_a_prefix_may_be_corrected_until_something_is_confirmed(stage):
    ids = stage.emit(stage.world.tenancy, 3, 20)
    failed(stage, SYSLOG_PORT="1", STATE_PREFIX="epimethus/")
    stage.world.put_hook = None  # the hook of the stage expects one state
    report = stage.run()
    assert (report.status, report.first_start, stage.arrived()) == ("ok", True, ids)


def test_the_first_confirmation_binds_the_state_even_if_the_run_fails_later(stage):
    stage.emit(stage.world.tenancy, 3, 1430)
    stage.emit(stage.world.tenancy, 3, 20)
    stage.world.put_hook = None
    stage.receiver.faults.add("die", after=4, times=None)
    failed(stage)
    assert stage.state().last["forwarded"] == 3
    state = stage.state()
    assert (state.tenancy, state.receiver.address) == (stage.world.tenancy, f"tls://localhost:{stage.receiver.port}")


class UnconfirmedDisk(Disk):
    """A disk whose runs confirm nothing until ``confirmed`` is set."""

    confirmed = False

    def start(self, now, fatal=0, *, before=False, port=6514):
        self.calls, self.fatal, self.before = 0, fatal, before
        owner = Owner("ocid1.tenancy.oc1..t", receiver_id("tls", "siem", port, None))
        markers = Markers([MemoryStore("beside", self), MemoryStore(f"by owner {port}", self)])
        session = StateSession(MemoryStore("state", self), f"run at {now}", REGION, owner, markers, lambda caught_up: self.confirmed)
        state, _ = session.open(lambda: State(REGION, int(now // 60) - 60), now=now, until=now + 60)
        session.commit(replace(state, lease=None), now=now)
        return state.through, session.first_start


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("fatal", range(1, 12))
def test_after_a_kill_while_the_first_confirmation_is_recorded_the_next_run_completes_it(fatal, before):
    disk = UnconfirmedDisk()
    disk.start(NOON, port=1)
    assert [json.loads(data)["complete"] for name, data in disk.stored.items() if name != "state"] == [False, False]
    disk.confirmed = True
    with suppress(Killed):  # the run may make fewer calls
        disk.start(NOON + 3600, fatal, before=before)
    assert disk.start(NOON + 7200) == (MINUTE - 60, False)
    bound = unpack(disk.stored["state"], "")
    assert (bound.receiver.address, bound.tenancy) == ("tls://siem:6514", "ocid1.tenancy.oc1..t")
    complete = {name: json.loads(data)["complete"] for name, data in disk.stored.items() if name != "state"}
    assert complete == {"beside": True, "by owner 1": False, "by owner 6514": True}


@pytest.mark.parametrize("region", ["us-ashburn1", "all", "us-ashburn-1,us-phoenix-1", "", "US ASHBURN 1"])
@pytest.mark.parametrize(
    "words", [("show",), ("rewind", "TIME"), ("reset",), ("adopt", "--reason", "x"), ("unlock",)], ids=lambda words: words[0]
)
def test_an_invalid_region_is_rejected(terminal, tmp_path, words, region):  # noqa: F811
    _, type_in = terminal
    words = [ago(hours=1) if word == "TIME" else word for word in words]
    done = type_in("state", *words, "--region", region, *(["--yes"] if words[0] != "show" else []))
    assert (done.exit_code, f"--region {region}: expected a region identifier such as eu-frankfurt-1" in done.stderr) == (2, True)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("cursor")] == []


@pytest.mark.parametrize("words", [("rewind", "TIME"), ("reset",)], ids=["rewind", "reset"])
def test_a_typo_in_prefix_or_region_creates_no_state(terminal, words):  # noqa: F811
    stage, type_in = terminal
    words = [ago(hours=1) if word == "TIME" else word for word in words]
    bucket = {"STATE_FILE": "", "STATE_BUCKET": BUCKET}
    type_in("run", **bucket)
    before = set(stage.world.objects(BUCKET))
    for yes in ((), ("--yes",)):
        done = type_in("state", *words, *yes, STATE_PREFIX="epimethus/", answer="n\n", **bucket)
        assert done.exit_code == 1
        assert "records that forwarding began on" in done.output
        assert f"the state was in oci://{BUCKET}@{stage.world.namespace}/{STATE}." in done.output
        assert f"Create a new state in oci://{BUCKET}@{stage.world.namespace}/epimethus/{REGION}.state?" in done.output
        done = type_in("state", *words, *yes, "--region", "us-ashburn-2", answer="n\n", **bucket)
        assert (done.exit_code, "no sign that there ever was one" in done.output) == (1, True)
    assert set(stage.world.objects(BUCKET)) == before
    assert type_in("state", *words, "--yes", "--new", STATE_PREFIX="second/", **bucket).exit_code == 0
    assert set(stage.world.objects(BUCKET)) == {*before, f"second/{REGION}.state"}


def test_a_rewind_of_more_than_a_year_is_rejected(terminal):  # noqa: F811
    _, type_in = terminal
    type_in("run")
    long_ago = ago(days=366)
    done = type_in("state", "rewind", long_ago, "--yes", "--force")
    assert (done.exit_code, f"TIME={long_ago}: OCI Audit keeps events for 365 days" in done.stderr) == (2, True)
    assert type_in("state", "rewind", ago(days=364), "--yes").exit_code == 0


@contextmanager
def dripping():
    """The port of a server that sends one byte every tenth of a second."""
    server = create_server(("127.0.0.1", 0))

    def drip(connection):
        try:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while True:
                connection.sendall(b"x")
                time.sleep(0.1)
        except OSError:
            pass

    def accept():
        while True:
            try:
                threading.Thread(target=drip, args=(server.accept()[0],), daemon=True).start()
            except OSError:
                return

    threading.Thread(target=accept, daemon=True).start()
    with server:
        yield server.getsockname()[1]


def test_signing_in_by_instance_principal_ends_in_time(monkeypatch):
    with dripping() as port:
        monkeypatch.setenv("OCI_METADATA_BASE_URL", f"http://127.0.0.1:{port}/opc/v2")
        began = time.monotonic()
        with pytest.raises(CredentialsError) as caught:
            invoke({"OCI_AUTH": "instance_principal", "SYSLOG_HOST": "x", "STATE_BUCKET": "b"}, b"", time_text(time.time() + 4))
    assert time.monotonic() - began < 3.5
    assert caught.value.what.startswith(
        "Loading the credentials for OCI_AUTH=instance_principal failed: the instance's metadata service"
        " (169.254.169.254, or OCI_METADATA_BASE_URL)"
        " or OCI's auth service did not respond within "
    )


@pytest.mark.parametrize("part", ["certificate", "token"])
def test_renewing_the_token_ends_in_time(monkeypatch, part):
    with dripping() as port:
        url = f"http://127.0.0.1:{port}/"
        monkeypatch.setattr(UrlBasedCertificateRetriever, "refresh", lambda self: None)  # the constructor would refresh
        retriever = UrlBasedCertificateRetriever(certificate_url=url, retry_strategy=NoneRetryStrategy())
        monkeypatch.undo()
        needed = {"tenancy_id": "t", "session_key_supplier": SimpleNamespace(x=1), "leaf_certificate_retriever": retriever}
        client = X509FederationClient(federation_endpoint=url, intermediate_certificate_retrievers=[retriever], **needed)
        strategy = NoneRetryStrategy()
        limit_signer(SimpleNamespace(federation_client=client), 0.5, strategy)
        assert (client.retry_strategy, retriever.retry_strategy) == (strategy, strategy)
        began = time.monotonic()
        with pytest.raises(CredentialsError) as caught:
            retriever.refresh() if part == "certificate" else client.requests_session.post(url, json={})
    assert time.monotonic() - began < 3
    what = f"Renewing the principal's token from 127.0.0.1:{port} failed: the request took longer than 0.5 s."
    assert caught.value.what == what


def test_ctrl_c_just_after_the_file_is_replaced_is_not_a_state_error(stage, tmp_path, monkeypatch):
    settings = {"STATE_FILE": str(tmp_path / "cursor"), "STATE_BUCKET": ""}
    stage.run(**settings)
    real, calls = os.replace, []

    def replaced(*names):
        real(*names)
        calls.append(names)
        if len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", replaced)
    with pytest.raises(KeyboardInterrupt):
        stage.run(**settings)
    left = {path.name for path in tmp_path.iterdir() if path.name.startswith("cursor")}
    assert left == {"cursor", "cursor.lock", "cursor.started", "cursor.started.lock", "cursor.seals"}
