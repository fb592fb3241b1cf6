"""Health: each dependency is broken in turn, and that check is red, and nothing else; nothing is moved, and nothing sent unasked."""

import json
import socket
import ssl
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import trustme

from epimetheus.clock import SYSTEM, Deadline
from epimetheus.errors import OutOfTime
from epimetheus.function.invoke import Unforeseen
from epimetheus.health import report as health
from epimetheus.health.checks import CheckAnswer
from epimetheus.health.report import run_health_checks, within
from epimetheus.model import time_text
from epimetheus.state.encoding import pack, unpack
from epimetheus.state.model import BehindCompartment, KnownCompartment, Lease, State
from epimetheus.testing.function import serve_function
from epimetheus.testing.oci import World
from epimetheus.testing.oci.models.objects import Bucket
from epimetheus.testing.syslog import Authority, Identity, parse_message, receive
from tests.cli.test_app import terminal  # noqa: F401 - a fixture
from tests.deliver.test_relp import all_day, serving
from tests.support.hand import NOON
from tests.support.harness import logging_as_it_was, staged

THROUGH = int(NOON // 60) - 2
REGION = "us-ashburn-1"
STATE = f"epimetheus/{REGION}.state"
FINE = {
    "settings": "ok",
    "credentials": "ok",
    "rules": "ok",
    "field_map": "ok",
    "regions": "ok",
    "identity": "ok",
    "clock": "ok",
    "audit": "ok",
    "state": "ok",
    "lag": "ok",
    "behind": "ok",
    "tls": "ok",
    "client_certificate": "skipped",
    "receiver": "ok",
    "receiver_certificate": "ok",
    "session": "ok",
    "monitoring": "ok",
}
OF_A_REGION = ("audit", "state", "lag", "behind")


def asked(stage, *, probe=False, seconds=8.0, **changes):
    body = b'{"action": "health", "probe": true}' if probe else b'{"action": "health"}'
    return stage.call(body, seconds=seconds, **{"SYSLOG_SETTLE_SECONDS": "0.15", **changes})


def told(diagnosis):
    return {check.name: check.status for check in diagnosis.checks}


def the(diagnosis, name):
    (check,) = (check for check in diagnosis.checks if check.name == name)
    return check


def unlike(diagnosis):
    """The checks that are not as they are where all is well."""
    return {name: status for name, status in told(diagnosis).items() if status != FINE.get(name)}


@pytest.fixture
def ran(stage):
    """A stage with the state that a run has left there."""
    known = {stage.world.tenancy: KnownCompartment("root", polled=True)}
    last = {"run": "r1", "at": "2026-01-01T12:00:00.000Z", "forwarded": 5, "caught_up": True}
    keys = {THROUGH: b"k" * 32}
    put(stage, State(REGION, THROUGH, known=known, keys=keys, slice_minutes=60, writer="r1", serial=7, last=last))
    return stage


def put(stage, state):
    stage.world.put("audit-state", STATE, pack(state))


def shown(identity):
    """The settings with which we show it."""
    return {"SYSLOG_CLIENT_CERT": f"file:{identity.cert}", "SYSLOG_CLIENT_KEY": f"file:{identity.key}"}


@contextmanager
def receiver_of_its_own(folder, **options):
    """The settings that lead to a receiver whose complaints are its own, its authority, and it."""
    authority = Authority(folder / "its-own")
    with receive(authority, **options) as receiver:
        yield {"SYSLOG_PORT": str(receiver.port), "SYSLOG_CA": f"file:{authority.ca}"}, authority, receiver


def test_where_all_is_well_all_was_asked_and_nothing_has_moved_or_was_sent(ran):
    before, writes = ran.state(), len(ran.world.writes)
    diagnosis = asked(ran)
    assert (diagnosis.verdict, diagnosis.issues, told(diagnosis)) == ("healthy", [], FINE)
    assert [check.region for check in diagnosis.checks if check.name in OF_A_REGION] == [REGION] * 4
    assert {check.region for check in diagnosis.checks if check.name not in OF_A_REGION} == {None}
    assert {check.do for check in diagnosis.checks} == {""}
    assert replace(ran.state(), writer=before.writer, serial=before.serial) == before
    leases = [unpack(write.data, "a write").lease for write in ran.world.writes[writes:]]
    assert leases == [Lease(diagnosis.run, 0.0), None]
    assert ran.receiver.messages == []
    listed = ran.world.asked("ListEvents")[-1]
    times = {"startTime": "2026-01-01T11:57:00Z", "endTime": "2026-01-01T11:58:00Z"}
    assert listed.query == {"compartmentId": ran.world.tenancy, **times}
    assert ran.run().status == "ok"


def test_every_check_stands_in_the_table_of_the_module():
    rows = [line.strip().partition("  ")[0] for line in health.__doc__.splitlines() if line.startswith("    ")]
    assert {name.removesuffix(" *") for row in rows for name in row.split(", ")} == {*FINE, "probe"}


def fault(operation, status, code="", **more):
    def broken(stage, folder, enter):
        stage.world.faults.add("status", status=status, code=code, operation=operation, times=None)
        return more

    return broken


def settings(**changes):
    return lambda stage, folder, enter: changes


def closed_port(stage, folder, enter):
    stage.receiver.stop()
    return {}


def no_handshake(stage, folder, enter):
    stage.receiver.faults.add("no_handshake", times=None)
    return {"SYSLOG_TIMEOUT_SECONDS": "1"}


def hung_up(stage, folder, enter):
    _, _, receiver = entered = enter(receiver_of_its_own(folder))
    receiver.faults.add("close_first", times=None)
    return entered[0]


def receiver(**options):
    def entered(stage, folder, enter):
        given = {key: options.pop(key) for key in list(options) if key.isupper()}
        return {**enter(receiver_of_its_own(folder, **options))[0], **given}

    return entered


def strange_ca(stage, folder, enter):
    return {**receiver()(stage, folder, enter), "SYSLOG_CA": f"file:{Authority(folder / 'stranger').ca}"}


def strange_client(**options):
    def entered(stage, folder, enter):
        return {**receiver(client_certificates=True, **options)(stage, folder, enter), **shown(Authority(folder / "stranger").client())}

    return entered


def expired_client(stage, folder, enter):
    return shown(Authority(folder / "stranger").client(expired=True))


def no_pair(stage, folder, enter):
    one, other = (Authority(folder / name).client() for name in ("one", "other"))
    return {**shown(one), "SYSLOG_CLIENT_KEY": f"file:{other.key}"}


def file(key, text):
    def written(stage, folder, enter):
        (folder / "file").write_text(text)
        return {key: f"file:{folder / 'file'}"}

    return written


def unknown_key(stage, folder, enter):
    stage.world.keys.clear()
    return {}


def damaged(stage, folder, enter):
    stage.world.put_hook = None
    stage.world.put("audit-state", STATE, stage.world.objects("audit-state")[STATE][:-5])
    return {}


def later(hours):
    def forwarded(stage, folder, enter):
        stage.hand.forward(hours * 3600)
        return {}

    return forwarded


def six_behind(stage, folder, enter):
    behind = {f"ocid1.compartment.oc1..{n}": BehindCompartment(THROUGH - 60 + n, "404 NotAuthorizedOrNotFound", 3) for n in range(6)}
    put(stage, replace(stage.state(), behind=behind))
    return {}


def in_state(**changes):
    def change(stage, folder, enter):
        put(stage, replace(stage.state(), **changes))
        return {}

    return change


def our_clock(ahead):
    """Ours is ahead of OCI's by so many seconds."""

    def change(stage, folder, enter):
        stage.hand.forward(0.5)  # half a second is what a Date leaves out
        stage.world.now = lambda: stage.hand.time - ahead
        return {}

    return change


ENDED = {"run": "r1", "forwarded": 5, "caught_up": True}


def skipped(*names):
    return dict.fromkeys(names, "skipped")


NO_STATE = skipped("lag", "behind")
NEVER_RAN = {"lag": "degraded", "behind": "skipped"}
NO_RECEIVER = skipped("receiver_certificate", "session")
NO_OCI = skipped("regions", "identity", *OF_A_REGION, "monitoring")
NOTHING = {name: "skipped" for name, status in FINE.items() if name != "settings" and status == "ok"}
SHOWN = {"client_certificate": "ok"}
TLS_1_2 = {"maximum_version": ssl.TLSVersion.TLSv1_2}
BROKEN = {
    "mistakes in the settings": (settings(SYSLOG_PORT="0", SYSLOG_FRAMING="crlf"), "settings", "failed", NOTHING,
        "2 mistake(s) in the configuration: SYSLOG_PORT=0: expected", "Correct them"),
    "no key": (settings(OCI_CONFIG_FILE="/nowhere/config"), "credentials", "failed", {**NO_OCI, "clock": "skipped"},
        "OCI_AUTH=config_file gave no credentials", "Check OCI_CONFIG_FILE"),
    "unknown key": (unknown_key, "credentials", "failed", NO_OCI, "401 NotAuthenticated", "Check the key, user and clock"),
    "wrong rules": (file("RULES", '{"event_filtering": {"mode": "both"}}'), "rules", "failed", {}, "event_filtering.mode", "Correct them"),
    "wrong field map": (file("FIELD_MAP", "no JSON"), "field_map", "failed", {}, "FIELD_MAP", "Correct them"),
    "regions 404": (fault("ListRegionSubscriptions", 404, REGIONS="all"), "regions", "failed", skipped(*OF_A_REGION),
        "404 NotAuthorizedOrNotFound", "inspect tenancies in tenancy"),
    "identity 500": (fault("ListCompartments", 500), "identity", "failed", {}, "500 InternalServerError", "inspect compartments"),
    "identity 404": (fault("ListCompartments", 404), "identity", "failed", {}, "404", "inspect compartments in tenancy"),
    "audit 404": (fault("ListEvents", 404), "audit", "failed", {}, "404 NotAuthorizedOrNotFound", "read audit-events in tenancy"),
    "wrong bucket": (settings(STATE_BUCKET="elsewhere"), "state", "failed", NO_STATE,
        f"reading the state oci://elsewhere@axexample/{STATE}: 404 BucketNotFound", "Check STATE_BUCKET, STATE_NAMESPACE and the policy"),
    "state not readable": (fault("GetObject", 404), "state", "failed", NO_STATE, "reading the state", "OBJECT_READ"),
    "state not writable": (fault("PutObject", 404), "state", "failed", {}, "writing the state", "OBJECT_CREATE and OBJECT_OVERWRITE"),
    "state damaged": (damaged, "state", "failed", NO_STATE, "its checksum does not match", "state rewind TIME --force"),
    "namespace not told": (fault("GetNamespace", 500), "state", "failed", NO_STATE,
        "asking for the Object Storage namespace: 500", "Set STATE_NAMESPACE"),
    "lag of hours": (later(3), "lag", "degraded", {}, "3.0 h behind", "are they scheduled"),
    "lag of days": (later(26), "lag", "failed", {},
        "Read through 2026-01-01T11:58:00Z, 26.0 h behind (degraded over 2 h, failed over 24 h). The last run ended at 2026-01-01T12:00:00",
        "are they scheduled"),
    "cursor in the future": (in_state(through=THROUGH + 60), "state", "failed", NO_STATE,
        "is in the future: its cursor is at 2026-01-01T12:58:00Z", "state rewind TIME"),
    "no run ended": (in_state(last={}), "lag", "degraded", {}, "No run has ended yet.", "Check that the schedule invokes the function"),
    "no run for hours": (in_state(last=ENDED | {"at": "2026-01-01T09:30:00.000Z"}), "lag", "degraded", {},
        "The last run ended at 2026-01-01T09:30:00.000Z.", "are they scheduled"),
    "no run for days": (in_state(last=ENDED | {"at": "2025-12-31T09:30:00.000Z"}), "lag", "failed", {},
        "The last run ended at 2025-12-31T09:30:00.000Z.", "are they scheduled"),
    "no compartment known": (in_state(known={}), "behind", "degraded", {}, "No compartment is known yet", "the log of its last call"),
    "clock 90 s ahead": (our_clock(90), "clock", "degraded", {},
        "This machine's clock is 90 s ahead of OCI's: times are corrected", "Synchronize it"),
    "clock 10 min behind": (our_clock(-600), "clock", "failed", {},
        "The clock cannot be used: this machine's clock is 600 s behind OCI's; at most 300 s are accepted.", "Synchronize the clock"),
    "behind": (six_behind, "behind", "degraded", {},
        "6 compartments are behind: ocid1.compartment.oc1..0 since 2026-01-01T10:58:00Z, 3 tries: 404 NotAuthorizedOrNotFound; ocid1",
        "read audit-events in tenancy"),
    "CA not readable": (settings(SYSLOG_CA="vault:ocid1.vaultsecret.oc1..x"), "tls", "failed", skipped("receiver", *NO_RECEIVER),
        "reading the secret ocid1.vaultsecret.oc1..x for SYSLOG_CA: 404", "read secret-bundles"),
    "no pair": (no_pair, "tls", "failed", skipped("receiver", *NO_RECEIVER),
        "SYSLOG_CLIENT_CERT and SYSLOG_CLIENT_KEY are no pair", "Correct them"),
    "ours expired": (expired_client, "client_certificate", "failed", skipped("session"),
        "Our certificate is over since 2001-01-01T00:00:00.000Z.", "Renew SYSLOG_CLIENT_CERT"),
    "closed port": (closed_port, "receiver", "failed", NO_RECEIVER, "Connection refused", "Check SYSLOG_HOST and SYSLOG_PORT"),
    "no such name": (settings(SYSLOG_HOST="siem.invalid"), "receiver", "failed", NO_RECEIVER, "siem.invalid:", "Check SYSLOG_HOST"),
    "no TLS": (no_handshake, "receiver", "failed", NO_RECEIVER, "agreeing on TLS with", "SYSLOG_TIMEOUT_SECONDS"),
    "wrong CA": (strange_ca, "receiver_certificate", "failed", skipped("session"), "is not trusted:", "Check SYSLOG_CA (who signed"),
    "wrong name": (receiver(names=("siem",)), "receiver_certificate", "failed", skipped("session"), "'localhost'", "SYSLOG_SERVER_NAME"),
    "theirs expired": (receiver(expired=True), "receiver_certificate", "failed", skipped("session"), "has expired", "SYSLOG_CA"),
    "none of ours": (receiver(client_certificates=True), "session", "failed", {},
        "refused our certificate, or the lack of one", "Check SYSLOG_CLIENT_CERT"),
    "ours refused": (strange_client(), "session", "failed", SHOWN, "refused our certificate", "Check SYSLOG_CLIENT_CERT"),
    "ours refused by TLS 1.2": (strange_client(**TLS_1_2), "session", "failed", {**SHOWN, "receiver_certificate": "skipped"},
        "refused our certificate", "Check SYSLOG_CLIENT_CERT"),
    "session hung up": (hung_up, "session", "failed", {}, "it closed the connection", "some receivers refuse it, or the lack of it"),
    "monitoring 404": (fault("PostMetricData", 404), "monitoring", "degraded", {}, "posting metrics: 404", "use metrics"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_item_15_what_is_broken_is_red_and_nothing_else(ran, tmp_path, case):
    breaking, name, status, others, what, do = BROKEN[case]
    with ExitStack() as stack:
        diagnosis = asked(ran, **breaking(ran, tmp_path, stack.enter_context))
    assert unlike(diagnosis) == {name: status, **others}
    check = the(diagnosis, name)
    assert (what in check.what, do in check.do) == (True, True), check
    assert diagnosis.verdict == {"failed": "unhealthy", "degraded": "degraded"}[status]
    assert diagnosis.issues == [f"{name}{f' {REGION}' if name in OF_A_REGION else ''} {status}: {check.what} {check.do}"]
    for other in skipped_of(others):
        assert the(diagnosis, other).what in (f"Not asked, for {name} failed.", *NOT_TOLD)
    posted = [stream["datapoints"][0]["value"] for stream in ran.world.metrics]
    assert posted == ([] if "monitoring" in {name, *others} else [0.0])


NOT_TOLD = (
    "There is no state that can be used.", "The receiver hung up before it was told.", "No answer from OCI carried a date.",
)  # fmt: skip


def skipped_of(others):
    return [name for name, status in others.items() if status == "skipped"]


def test_of_many_behind_five_are_named(ran, tmp_path):
    six_behind(ran, tmp_path, None)
    assert the(asked(ran), "behind").what.count("ocid1.compartment.oc1..") == 5


def test_the_settle_time_is_no_lag(ran):
    ran.hand.forward(2.5 * 3600)
    put(ran, replace(ran.state(), last={**ENDED, "at": "2026-01-01T14:20:00.000Z"}))
    assert asked(ran, SETTLE_MINUTES="60").verdict == "healthy"
    assert unlike(asked(ran, SETTLE_MINUTES="20")) == {"lag": "degraded"}


def test_without_credentials_what_lies_in_oci_is_not_asked(ran):
    diagnosis = asked(ran, OCI_CONFIG_FILE="/nowhere", RULES="object:rules.json", SYSLOG_CA="vault:ocid1.vaultsecret.oc1..x")
    assert unlike(diagnosis) == {"credentials": "failed", **NO_OCI, **skipped("clock", "rules", "tls", "receiver", *NO_RECEIVER)}
    whys = {check.what for check in diagnosis.checks if check.status == "skipped"}
    assert whys == {"Not asked, for credentials failed.", "No answer from OCI carried a date."}


def test_what_is_odd_is_told_and_is_ok(ran):
    odd = '{"event_filtering": {"mode": "include", "excluded_events": ["GetInstance"]}}'
    diagnosis = asked(ran, RULES=odd, FIELD_MAP='{"field_mappings": {"compartmentName": "cs1Label"}}')
    assert diagnosis.verdict == "healthy"
    assert "mode include ignores this list" in the(diagnosis, "rules").what
    assert "field_mappings.compartmentName" in the(diagnosis, "field_map").what


def test_a_certificate_that_is_soon_over_is_degraded(ran, tmp_path):
    issued = trustme.CA().issue_cert("epimetheus", not_after=datetime(2026, 1, 11, 12, tzinfo=UTC))
    issued.private_key_pem.write_to_path(tmp_path / "key")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert")
    ours = asked(ran, **shown(Identity(tmp_path / "cert", tmp_path / "key")))
    assert unlike(ours) == {"client_certificate": "degraded"}
    assert the(ours, "client_certificate").what == "Our certificate has 10 days left, until 2026-01-11T12:00:00.000Z."
    end = datetime.fromisoformat(the(asked(ran), "receiver_certificate").what.rpartition(" ")[2].rstrip("."))
    ran.hand.time = end.timestamp() - 29 * 86_400
    last = {**ENDED, "at": time_text(ran.hand.time - 60)}
    put(ran, replace(ran.state(), through=int(ran.hand.time // 60) - 2, last=last))
    theirs = asked(ran)
    assert unlike(theirs) == {"receiver_certificate": "degraded"}
    assert "has 29 days left, until" in the(theirs, "receiver_certificate").what
    assert "renewed by who runs the receiver" in the(theirs, "receiver_certificate").do


def test_our_certificate_is_accepted(ran, tmp_path):
    with receiver_of_its_own(tmp_path, client_certificates=True) as (changes, authority, _):
        diagnosis = asked(ran, **changes, **shown(authority.client()))
    assert (diagnosis.verdict, unlike(diagnosis)) == ("healthy", {"client_certificate": "ok"})
    assert the(diagnosis, "session").what == "The receiver took a connection and did not refuse our certificate; nothing was sent."


def test_plain_tcp_is_degraded_for_what_it_is(ran):
    with receive(None, tls=False) as receiver:
        changes = {"SYSLOG_TRANSPORT": "tcp", "SYSLOG_PORT": str(receiver.port), "SYSLOG_CA": ""}
        diagnosis = asked(ran, **changes)
    assert unlike(diagnosis) == {"settings": "degraded", "tls": "skipped", "receiver_certificate": "skipped"}
    assert "can be read and forged on the way" in the(diagnosis, "settings").what
    assert "SYSLOG_TRANSPORT=tls" in the(diagnosis, "settings").do


def test_a_state_that_a_run_has_leased_is_left_alone(ran):
    put(ran, replace(ran.state(), lease=Lease("r2", NOON + 60)))
    writes = len(ran.world.writes)
    diagnosis = asked(ran)
    assert (diagnosis.verdict, len(ran.world.writes)) == ("healthy", writes)
    assert the(diagnosis, "state").what.endswith("run r2 is at work until 2026-01-01T12:01:00.000Z, so no write was tried.")


def test_the_lease_of_a_killed_run_stays_as_it_was(ran):
    put(ran, replace(ran.state(), lease=Lease("r2", NOON - 60)))
    assert asked(ran).verdict == "healthy"
    assert ran.state().lease == Lease("r2", NOON - 60)


def test_a_run_that_starts_meanwhile_finds_no_live_lease_and_keeps_its_own(ran):
    taken, found = replace(ran.state(), lease=Lease("r2", NOON + 60), writer="r2", serial=9), []

    def a_run_begins(write):
        if not found:
            found.append(unpack(write.data, "a write").lease.until)
            put(ran, taken)

    ran.world.put_hook = a_run_begins
    diagnosis = asked(ran)
    assert (found, ran.state()) == ([0.0], taken)
    assert (diagnosis.verdict, "run r2 wrote it since" in the(diagnosis, "state").what) == ("healthy", True)


def test_where_there_is_no_state_health_is_degraded_and_none_is_written(stage):
    diagnosis = asked(stage)
    assert (diagnosis.verdict, unlike(diagnosis)) == ("degraded", NEVER_RAN)
    assert the(diagnosis, "state").what.endswith("yet; the first run writes it. A write was refused for its condition only.")
    assert (stage.world.objects("audit-state"), stage.world.asked("PutObject")[-1].status) == ({}, 412)
    stage.world.faults.add("status", status=404, code="ObjectNotFound", operation="PutObject")
    assert asked(stage).verdict == "degraded"
    stage.world.faults.add("status", status=404, operation="PutObject", times=None)
    assert (unlike(asked(stage)), stage.world.objects("audit-state")) == ({"state": "failed", **NEVER_RAN}, {})


def test_a_store_that_does_not_look_at_conditions_is_found_out(stage, monkeypatch):
    stage.world.put_hook = None
    monkeypatch.setattr(Bucket, "check", lambda *conditions: None)
    diagnosis = asked(stage)
    assert unlike(diagnosis) == {"state": "failed", **NEVER_RAN}
    assert "though the condition of the write did not hold" in the(diagnosis, "state").what


def test_each_region_is_asked(tmp_path, api_key):
    with logging_as_it_was(), staged(tmp_path, api_key, page_size=50, regions=["eu-paris-1"]) as stage:
        stage.world.faults.add("status", status=404, operation="ListEvents", after=1)
        diagnosis = asked(stage, REGIONS="all")
    named = [(check.name, check.region, check.status) for check in diagnosis.checks if check.name in ("audit", "state")]
    assert named == [
        ("audit", "us-ashburn-1", "ok"), ("state", "us-ashburn-1", "ok"), ("audit", "eu-paris-1", "failed"), ("state", "eu-paris-1", "ok"),
    ]  # fmt: skip
    assert the(diagnosis, "regions").what == "A run reads us-ashburn-1, eu-paris-1."


def test_what_a_run_does_not_need_is_not_asked(ran):
    app = ran.world.add_compartment("app")
    ran.world.faults.add("status", status=404, operation="ListCompartments", times=None)
    ran.world.faults.add("status", status=404, operation="ListEvents", compartment=ran.world.tenancy)
    diagnosis = asked(ran, COMPARTMENT_MODE="tenancy_only", METRICS_NAMESPACE="")
    assert unlike(diagnosis) == {"identity": "skipped", "audit": "failed", "monitoring": "skipped"}
    ran.world.faults.clear()
    ran.world.faults.add("subtree_refused", times=None)
    ran.world.faults.add("status", status=404, operation="ListEvents", compartment=ran.world.tenancy)
    diagnosis = asked(ran, COMPARTMENT_MODE="include", COMPARTMENT_IDS=app)
    assert diagnosis.verdict == "healthy"
    assert "but not for the whole tree at once" in the(diagnosis, "identity").what


@pytest.mark.parametrize("framing", ["octet-counting", "lf"])
def test_a_probe_is_one_marked_message_that_is_confirmed(ran, tmp_path, framing):
    before = ran.state()
    with receiver_of_its_own(tmp_path, framing=framing) as (changes, _, receiver):
        diagnosis = asked(ran, probe=True, FORMAT="json", SYSLOG_FRAMING=framing, **changes)
    assert (diagnosis.verdict, unlike(diagnosis)) == ("healthy", {"probe": "ok"})
    probed = f"One message, epimetheus.Probe of run {diagnosis.run}, was sent and is confirmed by tls_close_notify."
    assert the(diagnosis, "probe").what == probed
    assert (receiver.problems, ran.receiver.messages) == ([], [])
    (message,) = map(parse_message, receiver.messages)
    assert (message.msgid, message.structured["epimetheus@32473"]["run"]) == ("notice", diagnosis.run)
    body = json.loads(message.body)
    assert body["eventType"] == "epimetheus.Probe"
    assert body["data"]["message"].startswith("A test message of Epimetheus, asked for by a health check")
    assert replace(ran.state(), writer=before.writer, serial=before.serial) == before


def test_a_probe_that_does_not_arrive_is_red_and_nothing_else(ran):
    ran.receiver.faults.add("die", after=1)
    diagnosis = asked(ran, probe=True)
    assert unlike(diagnosis) == {"probe": "failed"}
    assert "Up to 1 messages may not have arrived" in the(diagnosis, "probe").what
    assert "next run" not in the(diagnosis, "probe").do


def test_a_probe_waits_for_what_it_needs(ran):
    ran.receiver.stop()
    diagnosis = asked(ran, probe=True)
    assert (the(diagnosis, "probe").status, the(diagnosis, "probe").what) == ("skipped", "Not asked, for receiver failed.")


def test_over_relp_a_session_is_opened_and_closed_and_a_probe_acknowledged(ran, tmp_path):
    authority = Authority(tmp_path / "relp")
    with serving(authority, all_day, all_day, all_day) as server:
        changes = {"SYSLOG_TRANSPORT": "relp", "SYSLOG_PORT": str(server.port), "SYSLOG_CA": f"file:{authority.ca}"}
        diagnosis = asked(ran, probe=True, **changes)
    assert (diagnosis.verdict, unlike(diagnosis)) == ("healthy", {"probe": "ok"})
    assert [[command for _, command, _ in frames] for frames in server.heard] == [[], [b"open", b"close"], [b"open", b"syslog", b"close"]]
    assert the(diagnosis, "probe").what.endswith("was sent and is confirmed by relp_ack.")


def test_a_world_that_never_answers_is_told_within_the_limit(tmp_path, api_key):
    authority = Authority(tmp_path / "authority")
    with receive(authority) as receiver, socket.create_server(("127.0.0.1", 0)) as silent:
        receiver.faults.add("no_handshake", times=None)
        environment = {
            "OCI_CONFIG_FILE": str(World(api_key=api_key).credentials(tmp_path)),
            "OCI_ENDPOINT": f"http://127.0.0.1:{silent.getsockname()[1]}",
            "STATE_BUCKET": "audit",
            "SYSLOG_HOST": "localhost",
            "SYSLOG_PORT": str(receiver.port),
            "SYSLOG_CA": f"file:{authority.ca}",
        }
        began = time.monotonic()
        diagnosis = run_health_checks(environment, "r1", SYSTEM, Deadline.after(SYSTEM, 3))
        took = time.monotonic() - began
    assert took < 3.5
    failed = {check.name for check in diagnosis.checks if check.status in ("failed", "degraded") and check.do}
    assert failed == {"identity", "audit", "state", "receiver", "monitoring"}


def test_one_that_hangs_is_left_behind():
    never = threading.Event()

    def hang():
        never.wait()
        return CheckAnswer("at last")

    with pytest.raises(OutOfTime, match=r"No answer came within 0\.1 s\."):
        within(Deadline.after(SYSTEM, 0.1), hang)
    never.set()
    assert within(Deadline.after(SYSTEM, 5), hang) == CheckAnswer("at last")


def test_a_mistake_of_ours_is_raised(stage):
    with pytest.raises(ZeroDivisionError):
        within(Deadline.after(SYSTEM, 5), lambda: 1 / 0)
    put(stage, State(REGION, THROUGH))
    stage.world.put_hook = lambda write: 1 / 0
    with pytest.raises(Unforeseen):
        asked(stage)


def test_without_time_nothing_is_asked():
    diagnosis = run_health_checks({}, "r1", SYSTEM, Deadline.after(SYSTEM, 0.1))
    assert told(diagnosis) == {**FINE, "settings": "failed", **NOTHING}
    assert the(diagnosis, "settings").what == "There was no time left to ask."


def test_no_secret_is_shown(ran, tmp_path, capsys):
    secret = Authority(tmp_path / "own").client().key.read_text("utf-8")
    ran.world.secret("ocid1.vaultsecret.oc1..key", secret)
    cert = f"file:{Authority(tmp_path / 'other').client().cert}"
    for key in (secret, "vault:ocid1.vaultsecret.oc1..key"):
        diagnosis = asked(ran, SYSLOG_CLIENT_CERT=cert, SYSLOG_CLIENT_KEY=key)
        assert unlike(diagnosis)["tls"] == "failed"
        everything = msgspec.json.encode(diagnosis).decode() + capsys.readouterr().err
        assert [line for line in secret.splitlines() if line in everything] == []


def test_it_is_one_line_in_the_log(ran, capsys):
    ran.receiver.stop()
    asked(ran)
    (line,) = map(json.loads, capsys.readouterr().err.splitlines())
    assert (line["level"], line["event"], line["health"]["verdict"]) == ("ERROR", "health", "unhealthy")
    assert line["message"].startswith("unhealthy: receiver failed: ")


def test_the_function_answers_200_with_the_verdict_whatever_it_is():
    with serve_function(Path(__file__).parents[2] / "func.py", {"SYSLOG_PORT": "0"}) as function:
        answer = function.call(b'{"action": "health"}')
    told = json.loads(answer.body)
    assert (answer.status, told["verdict"], told["checks"][0]["name"]) == (200, "unhealthy", "settings")
    assert "SYSLOG_PORT=0" in told["checks"][0]["what"]


def test_a_terminal_shows_each_check_and_ends_with_the_verdict(terminal):  # noqa: F811
    stage, type_in = terminal
    done = type_in("health")
    assert done.exit_code == 1
    assert f"degraded lag {REGION}: No run has ended yet." in done.stdout
    assert type_in("run").exit_code == 0
    done = type_in("health")
    assert done.exit_code == 0
    assert "ok       receiver: localhost:" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("healthy: 0 of 17 checks to look at, ")
    stage.world.faults.add("status", status=404, operation="PostMetricData", times=None)
    assert type_in("health").exit_code == 1
    stage.receiver.stop()
    done = type_in("health")
    assert done.exit_code == 2
    assert "\n         Check SYSLOG_HOST and SYSLOG_PORT" in done.stdout
    assert "unhealthy: 2 of 17 checks to look at" in done.stdout


def test_a_terminal_gives_json_and_sends_a_probe(terminal):  # noqa: F811
    stage, type_in = terminal
    diagnosis = json.loads(type_in("health", "--probe", "--json").stdout)
    assert (diagnosis["version"], diagnosis["verdict"], len(stage.receiver.messages)) == (1, "degraded", 1)
    assert type_in("health", "--json", "--minutes", "0").exit_code == 2
