"""Health checks: each dependency is broken in turn, and only its check fails. Nothing is moved; a message is sent only on request."""

import json
import socket
import ssl
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

import msgspec
import pytest
import trustme

from epimetheus.clock import SYSTEM, Deadline
from epimetheus.errors import OutOfTime
from epimetheus.function.invoke import InternalError
from epimetheus.health import checks
from epimetheus.health.model import CheckResult
from epimetheus.health.report import call_until, run_health_checks
from epimetheus.ledger import entry as ledger_entry
from epimetheus.ledger.entry import Entry
from epimetheus.model import Window, time_text
from epimetheus.state.encoding import pack, unpack
from epimetheus.state.model import BehindCompartment, KnownCompartment, Lease, Reconciled, State
from epimetheus.testing.function import serve_function
from epimetheus.testing.oci import World
from epimetheus.testing.oci.models.objects import Bucket
from epimetheus.testing.syslog import Authority, Identity, parse_message, receive
from tests.cli.test_app import terminal  # noqa: F401 - a fixture
from tests.deliver.test_relp_sender import acknowledge_everything, serving
from tests.support.hand import NOON
from tests.support.harness import restored_logging, staged

THROUGH = int(NOON // 60) - 2
REGION = "us-ashburn-1"
STATE = f"epimetheus/{REGION}.state"
LEDGER = f"epimetheus/ledger/{REGION}/"
SEALS = f"epimetheus/seals/{REGION}/"
UNTRIED = "no write was tried, because the object could not be deleted"
NEWEST = "2026/01/01/20260101T1158Z-20260101T1143Z-00000000-r1-0001-poll"
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
    "ledger": "ok",
    "seals": "ok",
    "reconciliation": "ok",
    "tls": "ok",
    "client_certificate": "skipped",
    "receiver": "ok",
    "receiver_certificate": "ok",
    "session": "ok",
    "coverage": "ok",
    "monitoring": "ok",
}
OF_A_REGION = ("audit", "state", "lag", "behind", "ledger", "seals", "reconciliation")


def checked(stage, *, probe=False, seconds=8.0, **changes):
    body = b'{"action": "health", "probe": true}' if probe else b'{"action": "health"}'
    return stage.call(body, seconds=seconds, **{"SYSLOG_CONFIRM_DELAY_SECONDS": "0.15", **changes})


def told(report):
    return {check.name: check.status for check in report.checks}


def the(report, name):
    (check,) = (check for check in report.checks if check.name == name)
    return check


def unlike(report):
    """The checks whose status differs from a healthy deployment's, by name."""
    return {name: status for name, status in told(report).items() if status != FINE.get(name)}


@pytest.fixture
def ran(stage):
    """A stage with the state of a completed run."""
    known = {stage.world.tenancy: KnownCompartment("root", polled=True)}
    last = {"run": "r1", "at": "2026-01-01T12:00:00.000Z", "forwarded": 5, "caught_up": True}
    passes = {60: Reconciled(THROUGH // 60 * 60), 1440: Reconciled(THROUGH // 1440 * 1440 - 1440)}
    put(stage, State(REGION, THROUGH, known=known, reconciled=passes, slice_minutes=60, writer="r1", serial=7, last=last))
    return stage


def put(stage, state):
    stage.world.put("audit-state", STATE, pack(state))


def shown(identity):
    """The settings that present this client certificate."""
    return {"SYSLOG_CLIENT_CERT": f"file:{identity.cert}", "SYSLOG_CLIENT_KEY": f"file:{identity.key}"}


@contextmanager
def receiver_of_its_own(folder, **options):
    """Settings for a receiver of its own, its authority, and the receiver. Its problems do not count as the stage's."""
    authority = Authority(folder / "its-own")
    with receive(authority, **options) as receiver:
        yield {"SYSLOG_PORT": str(receiver.port), "SYSLOG_CA": f"file:{authority.ca}"}, authority, receiver


def test_a_healthy_deployment_passes_every_check_and_nothing_is_written_or_sent(ran):
    before, writes = ran.state(), len(ran.world.writes)
    report = checked(ran)
    assert (report.verdict, report.issues, told(report)) == ("healthy", [], FINE)
    assert [check.region for check in report.checks if check.name in OF_A_REGION] == [REGION] * 7
    assert {check.region for check in report.checks if check.name not in OF_A_REGION} == {None}
    assert {check.do for check in report.checks} == {""}
    assert replace(ran.state(), writer=before.writer, serial=before.serial) == before
    leases = [unpack(write.data, "a write").lease for write in ran.world.writes[writes:]]
    assert leases == [Lease(report.run, 0.0), None]
    assert ran.receiver.messages == []
    listed = ran.world.requests_for("ListEvents")[-1]
    times = {"startTime": "2026-01-01T11:57:00Z", "endTime": "2026-01-01T11:58:00Z"}
    assert listed.query == {"compartmentId": ran.world.tenancy, **times}
    assert ran.run().status == "ok"


def test_every_check_is_described():
    table = checks.__doc__.partition("\n\n")[2].partition("\n\n")[0]
    rows = [line.partition("  ")[0] for line in table.splitlines()]
    assert [check.name for check in checks.CHECKS] == [name.removesuffix(" *") for row in rows for name in row.split(", ")]
    assert {name.removesuffix(" *") for row in rows for name in row.split(", ")} == {*FINE, "cloud_guard", "probe"}


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


def closed_session(stage, folder, enter):
    _, _, receiver = entered = enter(receiver_of_its_own(folder))
    receiver.faults.add("close_first", times=None)
    return entered[0]


def receiver(**options):
    def entered(stage, folder, enter):
        given = {key: options.pop(key) for key in list(options) if key.isupper()}
        return {**enter(receiver_of_its_own(folder, **options))[0], **given}

    return entered


def unknown_ca(stage, folder, enter):
    return {**receiver()(stage, folder, enter), "SYSLOG_CA": f"file:{Authority(folder / 'stranger').ca}"}


def unknown_client(**options):
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


def put_entries(stage, *ends):
    """Puts entries whose window ends so many minutes ago into the ledger."""
    for end in ends:
        keys = {(stage.world.tenancy, Window(int(NOON // 60) - end - 15, int(NOON // 60) - end)): b"k" * 16}
        entry = Entry(stage.world.tenancy, REGION, "r1", 1, "poll", 0, NOON, keys, 1, "0" * 64, None)
        stage.world.put("audit-state", LEDGER + entry.name.text(), ledger_entry.pack(entry))


def forbidden(action):
    def forbid(stage, folder, enter):
        put_entries(stage, 2)
        stage.world.forbid_objects("audit-state", action, prefix=LEDGER)
        return {}

    return forbid


def damaged_ledger(stage, folder, enter):
    put_entries(stage, 2, 17)
    stage.world.put("audit-state", LEDGER + NEWEST, stage.world.objects("audit-state")[LEDGER + NEWEST][:-1])
    return {}


def forbidden_seals(stage, folder, enter):
    stage.world.forbid_objects("audit-state", "list", prefix=SEALS)
    return {}


def seal_gone(stage, folder, enter):
    stage.run(METRICS_NAMESPACE="")
    del stage.world.store.bucket(REGION, "audit-state").objects[SEALS + stage.state().seals.head.name]
    return {}


def seal_altered(stage, folder, enter):
    stage.run(METRICS_NAMESPACE="")
    name = SEALS + stage.state().seals.head.name
    stage.world.put("audit-state", name, stage.world.objects("audit-state")[name][:-1])
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


def other_region(stage, folder, enter):
    stage.world.regions.append("eu-paris-1")
    stage.world.put("audit-state", "epimetheus/eu-paris-1.state", pack(replace(stage.state(), region="eu-paris-1")))
    return {"REGIONS": "eu-paris-1"}


def clock_ahead(ahead):
    """This machine's clock is ``ahead`` of OCI's by so many seconds."""

    def change(stage, folder, enter):
        stage.hand.forward(0.5)  # half a second is what a Date leaves out
        stage.world.now = lambda: stage.hand.time - ahead
        return {}

    return change


ENDED = {"run": "r1", "forwarded": 5, "caught_up": True}


def skipped(*names):
    return dict.fromkeys(names, "skipped")


NO_STATE = skipped("lag", "behind", "ledger", "seals", "reconciliation")
NEVER_RAN = {"lag": "degraded", "behind": "skipped", "seals": "skipped", "reconciliation": "skipped"}
NO_RECEIVER = skipped("receiver_certificate", "session")
NO_OCI = skipped("regions", "identity", *OF_A_REGION, "coverage", "monitoring")
NOTHING = {name: "skipped" for name, status in FINE.items() if name != "settings" and status == "ok"}
SHOWN = {"client_certificate": "ok"}
TLS_1_2 = {"maximum_version": ssl.TLSVersion.TLSv1_2}
BROKEN = {
    "mistakes in the settings": (settings(SYSLOG_PORT="0", SYSLOG_FRAMING="crlf"), "settings", "failed", NOTHING,
        "2 configuration errors: SYSLOG_PORT=0: expected", "Correct the configuration"),
    "no key": (settings(OCI_CONFIG_FILE="/nowhere/config"), "credentials", "failed", {**NO_OCI, "clock": "skipped"},
        "Loading the credentials for OCI_AUTH=config_file failed", "Check OCI_CONFIG_FILE"),
    "unknown key": (unknown_key, "credentials", "failed", NO_OCI, "401 NotAuthenticated", "Check the key, user and clock"),
    "wrong rules": (file("RULES", '{"event_filtering": {"mode": "both"}}'), "rules", "failed", {}, "event_filtering.mode", "Correct the"),
    "wrong field map": (file("FIELD_MAP", "no JSON"), "field_map", "failed", {}, "FIELD_MAP", "Correct the configuration"),
    "regions 404": (fault("ListRegionSubscriptions", 404), "coverage", "degraded", {},
        "404 NotAuthorizedOrNotFound", "Allow group NAME to inspect tenancies in tenancy"),
    "regions 500": (fault("ListRegionSubscriptions", 500), "coverage", "degraded", {},
        "500 InternalServerError: Internal server error", "The next run tries again."),
    "home region excluded": (other_region, "coverage", "degraded", {},
        "The home region us-ashburn-1 is not polled. IAM and sign-on events are recorded there, and this deployment does not forward them.",
        "Add us-ashburn-1 to REGIONS, unless another deployment reads it."),
    "identity 500": (fault("ListCompartments", 500), "identity", "failed", {}, "500 InternalServerError", "The next run tries again."),
    "identity 404": (fault("ListCompartments", 404), "identity", "failed", {}, "404",
        "Allow group NAME to inspect compartments in tenancy"),
    "audit 404": (fault("ListEvents", 404), "audit", "failed", {}, "404 NotAuthorizedOrNotFound",
        "Allow group NAME to read audit-events in tenancy"),
    "wrong bucket": (settings(STATE_BUCKET="elsewhere"), "state", "failed", NO_STATE,
        f"Reading the state oci://elsewhere@axexample/{STATE} failed: OCI returned 404 BucketNotFound",
        "Check STATE_BUCKET and STATE_NAMESPACE. If no policy allows this call, add this statement: Allow group NAME to manage objects in"
        " tenancy where all {target.bucket.name='elsewhere', any {"),
    "state not readable": (fault("GetObject", 404), "state", "failed", NO_STATE, "Reading the state", "request.permission='OBJECT_READ'"),
    "state not writable": (fault("PutObject", 404), "state", "failed", {}, "Writing the state",
        "request.permission='OBJECT_CREATE', request.permission='OBJECT_OVERWRITE'}}"),
    "state damaged": (damaged, "state", "failed", NO_STATE, "its checksum does not match", "state rewind TIME --force"),
    "namespace unknown": (fault("GetNamespace", 500), "state", "failed", NO_STATE,
        "Object Storage namespace failed: OCI returned 500", "The next run tries again."),
    "lag of hours": (later(3), "lag", "degraded", {}, "3.0 h behind", "Read the log of the last runs"),
    "lag of days": (later(26), "lag", "failed", {},
        "Read through 2026-01-01T11:58:00Z, 26.0 h behind (degraded over 2 h, failed over 24 h). The last run ended at 2026-01-01T12:00:00",
        "Read the log of the last runs"),
    "cursor in the future": (in_state(through=THROUGH + 60), "state", "failed", NO_STATE,
        "is in the future: the cursor is 2026-01-01T12:58:00Z", "state rewind TIME"),
    "no run ended": (in_state(last={}), "lag", "degraded", {}, "No run has completed yet.", "Check that the schedule invokes the function"),
    "no run for hours": (in_state(last=ENDED | {"at": "2026-01-01T09:30:00.000Z"}), "lag", "degraded", {},
        "The last run ended at 2026-01-01T09:30:00.000Z.", "Read the log of the last runs"),
    "no run for days": (in_state(last=ENDED | {"at": "2025-12-31T09:30:00.000Z"}), "lag", "failed", {},
        "The last run ended at 2025-12-31T09:30:00.000Z.", "Read the log of the last runs"),
    "no compartment known": (in_state(known={}), "behind", "degraded", {},
        "No compartment is known: no run has listed them yet.", "the log of its last call"),
    "clock 90 s ahead": (clock_ahead(90), "clock", "degraded", {},
        "This machine's clock is 90 s ahead of OCI's: times are corrected", "Synchronize the clock"),
    "clock 10 min behind": (clock_ahead(-600), "clock", "failed", {},
        "The clock cannot be used: this machine's clock is 600 s behind OCI's; at most 300 s are accepted.", "Synchronize the clock"),
    "behind": (six_behind, "behind", "degraded", {},
        "6 compartments are behind: ocid1.compartment.oc1..0 since 2026-01-01T10:58:00Z, 3 attempts: 404 NotAuthorizedOrNotFound; ocid1",
        "Allow group NAME to read audit-events in tenancy"),
    "reconciliation behind": (in_state(reconciled={60: Reconciled(THROUGH - 1558), 1440: Reconciled(THROUGH - 2878)}),
        "reconciliation", "degraded", {},
        "Listed again after 60 min: through 2025-12-31T10:00:00Z, 25.0 h due; after 1440 min: through 2025-12-30T12:00:00Z, 12.0 h due",
        "raise the function's timeout"),
    "ledger bucket wrong": (settings(LEDGER_BUCKET="elsewhere"), "ledger", "failed", {"seals": "failed"},
        f"Listing the ledger oci://elsewhere@axexample/{LEDGER} failed: OCI returned 404 BucketNotFound",
        "Check LEDGER_BUCKET (by default STATE_BUCKET) and STATE_NAMESPACE. If no policy allows this call, add this statement: Allow group"
        " NAME to manage objects in tenancy where all {target.bucket.name='elsewhere', any {request.permission='OBJECT_INSPECT', request."),
    "ledger not listable": (forbidden("list"), "ledger", "failed", {}, "Listing the ledger", "request.permission='OBJECT_INSPECT'"),
    "ledger not readable": (forbidden("read"), "ledger", "failed", {}, "Reading the ledger entry", "request.permission='OBJECT_READ'"),
    "ledger damaged": (damaged_ledger, "ledger", "failed", {},
        f"The ledger entry oci://audit-state@axexample/{LEDGER}{NEWEST} is damaged: its checksum does not match",
        "Restore it from a copy."),
    "seals not listable": (forbidden_seals, "seals", "failed", {}, "Listing the seals", "request.permission='OBJECT_INSPECT'"),
    "seal deleted": (seal_gone, "seals", "failed", {},
        "was deleted from oci://audit-state@axexample/epimetheus/seals/us-ashburn-1/.", "Restore the object from a copy."),
    "seal altered": (seal_altered, "seals", "failed", {}, "its SHA-256 is ", "Restore the object from a copy."),
    "seal key missing": (settings(SEAL_KEY="file:/nowhere"), "seals", "failed", {}, "SEAL_KEY=file:/nowhere", "Correct the configuration"),
    "CA not readable": (settings(SYSLOG_CA="vault:ocid1.vaultsecret.oc1..x"), "tls", "failed", skipped("receiver", *NO_RECEIVER),
        "Reading the secret ocid1.vaultsecret.oc1..x for SYSLOG_CA failed: OCI returned 404",
        "Allow group NAME to read secret-bundles in tenancy where any {target.secret.id='ocid1.vaultsecret.oc1..x'}"),
    "no pair": (no_pair, "tls", "failed", skipped("receiver", *NO_RECEIVER),
        "SYSLOG_CLIENT_KEY is not the private key of SYSLOG_CLIENT_CERT", "Correct the configuration"),
    "client certificate expired": (expired_client, "client_certificate", "failed", skipped("session"),
        "The client certificate expired at 2001-01-01T00:00:00.000Z.", "Renew SYSLOG_CLIENT_CERT"),
    "closed port": (closed_port, "receiver", "failed", NO_RECEIVER, "Connection refused", "Check SYSLOG_HOST and SYSLOG_PORT"),
    "no such name": (settings(SYSLOG_HOST="siem.invalid"), "receiver", "failed", NO_RECEIVER, "siem.invalid:", "Check SYSLOG_HOST"),
    "no TLS": (no_handshake, "receiver", "failed", NO_RECEIVER, "The TLS handshake with", "SYSLOG_TIMEOUT_SECONDS"),
    "wrong CA": (unknown_ca, "receiver_certificate", "failed", skipped("session"), "is not trusted:", "Check that SYSLOG_CA issued"),
    "wrong name": (receiver(names=("siem",)), "receiver_certificate", "failed", skipped("session"),
        "'localhost'. Its names are siem.", "SYSLOG_SERVER_NAME"),
    "receiver certificate expired": (receiver(expired=True), "receiver_certificate", "failed", skipped("session"),
        "it expired at 2001-01-01T00:00:00.000Z.", "Have the operator of the receiver renew it."),
    "client certificate missing": (receiver(client_certificates=True), "session", "failed", {},
        "rejected the client certificate, or requires one", "Check SYSLOG_CLIENT_CERT"),
    "client certificate rejected": (unknown_client(), "session", "failed", SHOWN,
        "rejected the client certificate", "Check SYSLOG_CLIENT_CERT"),
    "client certificate rejected by TLS 1.2": (unknown_client(**TLS_1_2), "session", "failed", {**SHOWN, "receiver_certificate": "skipped"},
        "rejected the client certificate", "Check SYSLOG_CLIENT_CERT"),
    "session closed by the receiver": (closed_session, "session", "failed", {},
        "the receiver closed the connection", "if they require or reject one"),
    "monitoring 404": (fault("PostMetricData", 404), "monitoring", "degraded", {},
        "Posting metrics failed: OCI returned 404", "use metrics in tenancy where target.metrics.namespace='epimetheus'"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_only_the_broken_dependency_fails(ran, tmp_path, case):
    breaking, name, status, others, what, do = BROKEN[case]
    with ExitStack() as stack:
        report = checked(ran, **breaking(ran, tmp_path, stack.enter_context))
    assert unlike(report) == {name: status, **others}
    check = the(report, name)
    assert (what in check.what, do in check.do) == (True, True), check
    assert report.verdict == {"failed": "unhealthy", "degraded": "degraded"}[status]
    assert report.issues[0] == f"{name}{f' {REGION}' if name in OF_A_REGION else ''} {status}: {check.what} {check.do}"
    assert len(report.issues) == 1 + sum(other in ("failed", "degraded") for one, other in others.items() if one == "seals")
    for other in skipped_of(others):
        assert the(report, other).what in (f"Skipped: the {name} check failed.", *OTHER_REASONS)
    posted = [stream["datapoints"][0]["value"] for stream in ran.world.metrics]
    assert posted == ([] if "monitoring" in {name, *others} else [0.0])


OTHER_REASONS = (
    "No usable state exists.", "The receiver closed the connection before sending it.", "No response from OCI had a date.",
)  # fmt: skip


def skipped_of(others):
    return [name for name, status in others.items() if status == "skipped"]


def test_the_newest_entry_of_the_ledger_is_read(ran):
    empty = f"oci://audit-state@axexample/{LEDGER} can be listed; {UNTRIED}. 0 entries of the last 24 hours."
    assert the(checked(ran), "ledger").what == empty
    put_entries(ran, 2, 17, 1441)
    report = checked(ran)
    assert unlike(report) == {}
    assert the(report, "ledger").what == (
        f"oci://audit-state@axexample/{LEDGER} can be listed; {UNTRIED}. 2 entries of the last 24 hours."
        " The newest, by run r1 until 2026-01-01T11:58:00Z with 1 event, is valid."
    )
    assert LEDGER + NEWEST in unquote(ran.world.requests_for("GetObject")[-1].path)


def test_the_ledger_in_a_folder_is_checked(ran, tmp_path):
    report = checked(ran, STATE_BUCKET="", STATE_FILE=str(tmp_path / "state"))
    assert the(report, "ledger").what == f"{tmp_path}/state.ledger/ can be written. 0 entries of the last 24 hours."


def test_a_folder_of_the_ledger_that_cannot_be_written_fails(ran, tmp_path):
    """A plain file in place of the folder, and a folder of the kernel's in which even root creates nothing."""
    in_folder, ledger = {"STATE_BUCKET": "", "STATE_FILE": str(tmp_path / "state")}, tmp_path / "state.ledger"
    ledger.write_bytes(b"")
    check = the(checked(ran, **in_folder), "ledger")
    assert (check.status, check.what) == ("failed", f"The ledger {tmp_path}/state.ledger could not be written: Not a directory.")
    ledger.unlink()
    ledger.symlink_to("/proc/sys")
    check = the(checked(ran, **in_folder), "ledger")
    assert (check.status, check.what.partition(":")[0]) == ("failed", "The ledger /proc/sys could not be written")
    ledger.unlink()
    ledger.mkdir()
    assert the(checked(ran, **in_folder), "ledger").status == "ok"
    assert list(ledger.iterdir()) == []


def test_a_run_that_could_not_write_its_entry_fails_the_check(ran):
    put(ran, replace(ran.state(), last={**ran.state().last, "not_entered": True}))
    check = the(checked(ran), "ledger")
    where = f"oci://audit-state@axexample/{LEDGER}"
    assert (check.status, check.what) == ("failed", f"The last run could not write its entry to {where}.")


def test_at_most_five_compartments_behind_are_named(ran, tmp_path):
    six_behind(ran, tmp_path, None)
    assert the(checked(ran), "behind").what.count("ocid1.compartment.oc1..") == 5


@pytest.mark.parametrize(("hours", "status"), [(23.9, "degraded"), (24.1, "failed")])
def test_before_the_first_run_the_look_back_is_no_reason_to_fail(ran, hours, status):
    begin = THROUGH - 24 * 60
    put(ran, replace(ran.state(), through=begin, began=begin, known={}, reconciled={}, last={}))
    ran.hand.forward(hours * 3600)
    report = checked(ran)
    assert unlike(report) == {"lag": status, "behind": "skipped", "reconciliation": "skipped"}
    assert (the(report, "behind").what, the(report, "behind").do) == ("No run has completed yet.", "")
    assert "(degraded over 2 h, failed over 48 h)" in the(report, "lag").what


def test_a_certificate_has_as_many_days_left_as_validate_says(ran, tmp_path):
    ends = datetime.fromtimestamp(ran.hand.time + 365 * 86_400 - 60, UTC)
    issued = trustme.CA().issue_cert("client.example.com", not_after=ends)
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    report = checked(ran, SYSLOG_CLIENT_CERT=f"file:{tmp_path / 'cert.pem'}", SYSLOG_CLIENT_KEY=f"file:{tmp_path / 'key.pem'}")
    assert the(report, "client_certificate").what.startswith("The client certificate expires in 364 days, at ")


def test_settle_minutes_do_not_count_as_lag(ran):
    ran.hand.forward(2.5 * 3600)
    put(ran, replace(ran.state(), last={**ENDED, "at": "2026-01-01T14:20:00.000Z"}))
    assert checked(ran, SETTLE_MINUTES="60").verdict == "healthy"
    assert unlike(checked(ran, SETTLE_MINUTES="20")) == {"lag": "degraded"}


def test_without_credentials_values_in_oci_are_not_read(ran):
    report = checked(ran, OCI_CONFIG_FILE="/nowhere", RULES="object:rules.json", SYSLOG_CA="vault:ocid1.vaultsecret.oc1..x")
    assert unlike(report) == {"credentials": "failed", **NO_OCI, **skipped("clock", "rules", "tls", "receiver", *NO_RECEIVER)}
    whys = {check.what for check in report.checks if check.status == "skipped"}
    assert whys == {"Skipped: the credentials check failed.", "No response from OCI had a date."}


def test_warnings_of_rules_and_field_map_are_shown(ran):
    odd = '{"event_filtering": {"mode": "include", "excluded_events": ["GetInstance"]}}'
    report = checked(ran, RULES=odd, FIELD_MAP='{"field_mappings": {"compartmentName": "cs1Label"}}')
    assert report.verdict == "healthy"
    assert "mode include ignores this list" in the(report, "rules").what
    assert "field_mappings.compartmentName" in the(report, "field_map").what


def test_a_certificate_that_expires_soon_is_degraded(ran, tmp_path):
    issued = trustme.CA().issue_cert("epimetheus", not_after=datetime(2026, 1, 11, 12, tzinfo=UTC))
    issued.private_key_pem.write_to_path(tmp_path / "key")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert")
    ours = checked(ran, **shown(Identity(tmp_path / "cert", tmp_path / "key")))
    assert unlike(ours) == {"client_certificate": "degraded"}
    assert the(ours, "client_certificate").what == "The client certificate expires in 10 days, at 2026-01-11T12:00:00.000Z."
    end = datetime.fromisoformat(the(checked(ran), "receiver_certificate").what.rpartition(" ")[2].rstrip("."))
    ran.hand.time = end.timestamp() - 29 * 86_400
    last = {**ENDED, "at": time_text(ran.hand.time - 60)}
    put(ran, replace(ran.state(), through=int(ran.hand.time // 60) - 2, reconciled={}, last=last))
    theirs = checked(ran)
    assert unlike(theirs) == {"receiver_certificate": "degraded", "reconciliation": "skipped"}
    assert "expires in 29 days, at" in the(theirs, "receiver_certificate").what
    assert "Have the operator of the receiver renew it" in the(theirs, "receiver_certificate").do


def test_without_reconciliation_its_check_is_skipped(ran):
    report = checked(ran, RECONCILE_AFTER="")
    assert unlike(report) == {"reconciliation": "skipped"}
    assert the(report, "reconciliation").what == "RECONCILE_AFTER is empty: no window is listed again."


def test_an_accepted_client_certificate_is_reported(ran, tmp_path):
    with receiver_of_its_own(tmp_path, client_certificates=True) as (changes, authority, _):
        report = checked(ran, **changes, **shown(authority.client()))
    assert (report.verdict, unlike(report)) == ("healthy", {"client_certificate": "ok"})
    assert the(report, "session").what == "The receiver accepted a connection and the client certificate; nothing was sent."


def test_plain_tcp_is_degraded(ran):
    with receive(None, tls=False) as receiver:
        changes = {"SYSLOG_TRANSPORT": "tcp", "SYSLOG_PORT": str(receiver.port), "SYSLOG_CA": ""}
        report = checked(ran, **changes)
    assert unlike(report) == {"settings": "degraded", "tls": "skipped", "receiver_certificate": "skipped"}
    assert the(report, "session").what.endswith("A TLS port also accepts such a connection: only a probe shows whether a message arrives.")
    assert "can be read and altered in transit" in the(report, "settings").what
    assert "SYSLOG_TRANSPORT=tls" in the(report, "settings").do


def test_tcp_on_the_port_of_syslog_over_tls_is_degraded_and_the_probe_fails(ran, tmp_path):
    """A TLS receiver waits for the client to begin, so an idle connection without TLS looks well."""
    with receive(Authority(tmp_path / "theirs"), port=6514):
        changes = {"SYSLOG_TRANSPORT": "tcp", "SYSLOG_PORT": "6514", "SYSLOG_CA": ""}
        report, probed = checked(ran, **changes), checked(ran, probe=True, **changes)
    session = the(report, "session")
    assert (session.status, session.what) == (
        "degraded",
        "The receiver accepted a connection; nothing was sent. 6514 is the registered port of syslog over TLS.",
    )
    assert session.do == (
        "Check the port with a probe: `epimetheus health --probe`. If it is a TLS port, set SYSLOG_TRANSPORT=tls, and SYSLOG_CA."
    )
    assert (the(probed, "probe").status, "set SYSLOG_TRANSPORT=tls." in the(probed, "probe").do) == ("failed", True)


def test_tls_to_a_port_without_tls_names_both_remedies(ran):
    with receive(None, tls=False) as receiver:
        report = checked(ran, SYSLOG_PORT=str(receiver.port))
    assert the(report, "receiver").status == "failed"
    assert "If SYSLOG_PORT is a port without TLS, use the receiver's TLS port, or set SYSLOG_TRANSPORT=tcp." in the(report, "receiver").do


def test_a_leased_state_is_not_written(ran):
    put(ran, replace(ran.state(), lease=Lease("r2", NOON + 60)))
    writes = len(ran.world.writes)
    report = checked(ran)
    assert (report.verdict, len(ran.world.writes)) == ("healthy", writes)
    assert the(report, "state").what.endswith("Run r2 holds the lease until 2026-01-01T12:01:00.000Z, so no write was tried.")


def test_the_lease_of_a_killed_run_is_not_changed(ran):
    put(ran, replace(ran.state(), lease=Lease("r2", NOON - 60)))
    assert checked(ran).verdict == "healthy"
    assert ran.state().lease == Lease("r2", NOON - 60)


def test_a_run_that_starts_during_the_check_takes_the_lease_and_keeps_it(ran):
    taken, found = replace(ran.state(), lease=Lease("r2", NOON + 60), writer="r2", serial=9), []

    def a_run_begins(write):
        if not found:
            found.append(unpack(write.data, "a write").lease.until)
            put(ran, taken)

    ran.world.put_hook = a_run_begins
    report = checked(ran)
    assert (found, ran.state()) == ([0.0], taken)
    assert (report.verdict, "run r2 wrote it since" in the(report, "state").what) == ("healthy", True)


def test_without_a_state_health_is_degraded_and_none_is_written(stage):
    report = checked(stage)
    assert (report.verdict, unlike(report)) == ("degraded", NEVER_RAN)
    assert the(report, "state").what.endswith("yet; the first run writes it. A test write failed only on its condition.")
    assert (stage.world.objects("audit-state"), stage.world.requests_for("PutObject")[-1].status) == ({}, 412)
    stage.world.faults.add("status", status=404, code="ObjectNotFound", operation="PutObject")
    assert checked(stage).verdict == "degraded"
    stage.world.faults.add("status", status=404, operation="PutObject", times=None)
    assert (unlike(checked(stage)), stage.world.objects("audit-state")) == ({"state": "failed", **NEVER_RAN}, {})


def test_a_store_that_ignores_write_conditions_fails_the_state_check(stage, monkeypatch):
    stage.world.put_hook = None
    monkeypatch.setattr(Bucket, "check", lambda *conditions: None)
    report = checked(stage)
    assert unlike(report) == {"state": "failed", **NEVER_RAN}
    assert "accepted a write whose condition did not hold" in the(report, "state").what


def test_every_region_is_checked(tmp_path, api_key):
    with restored_logging(), staged(tmp_path, api_key, page_size=50, regions=["eu-paris-1"]) as stage:
        stage.world.faults.add("status", status=404, operation="ListEvents", after=1)
        report = checked(stage, REGIONS="all")
    named = [(check.name, check.region, check.status) for check in report.checks if check.name in ("audit", "state")]
    assert named == [
        ("audit", "us-ashburn-1", "ok"), ("state", "us-ashburn-1", "ok"), ("audit", "eu-paris-1", "failed"), ("state", "eu-paris-1", "ok"),
    ]  # fmt: skip
    assert the(report, "regions").what == "A run reads us-ashburn-1, eu-paris-1."


def test_what_a_run_does_not_need_is_skipped(ran):
    app = ran.world.add_compartment("app")
    ran.world.faults.add("status", status=404, operation="ListCompartments", times=None)
    ran.world.faults.add("status", status=404, operation="ListEvents", compartment=ran.world.tenancy)
    report = checked(ran, COMPARTMENT_MODE="tenancy_only", METRICS_NAMESPACE="")
    assert unlike(report) == {"identity": "skipped", "audit": "failed", "monitoring": "skipped"}
    ran.world.faults.clear()
    ran.world.faults.add("subtree_refused", times=None)
    ran.world.faults.add("status", status=404, operation="ListEvents", compartment=ran.world.tenancy)
    report = checked(ran, COMPARTMENT_MODE="include", COMPARTMENT_IDS=app)
    assert report.verdict == "healthy"
    assert "but not for the whole tree at once" in the(report, "identity").what


@pytest.mark.parametrize("framing", ["octet-counting", "lf"])
def test_a_probe_sends_one_marked_message_and_confirms_it(ran, tmp_path, framing):
    before = ran.state()
    with receiver_of_its_own(tmp_path, framing=framing) as (changes, _, receiver):
        report = checked(ran, probe=True, FORMAT="json", SYSLOG_FRAMING=framing, **changes)
    assert (report.verdict, unlike(report)) == ("healthy", {"probe": "ok"})
    probed = f"One message, epimetheus.Probe of run {report.run}, was sent and confirmed by tls_close_notify."
    assert the(report, "probe").what == probed
    assert (receiver.problems, ran.receiver.messages) == ([], [])
    (message,) = map(parse_message, receiver.messages)
    assert (message.msgid, message.structured["epimetheus@32473"]["run"]) == ("notice", report.run)
    body = json.loads(message.body)
    assert body["eventType"] == "epimetheus.Probe"
    assert body["data"]["message"].startswith("A test message from Epimetheus, sent by a health check")
    assert replace(ran.state(), writer=before.writer, serial=before.serial) == before


def test_an_undelivered_probe_fails_only_the_probe_check(ran):
    ran.receiver.faults.add("die", after=1)
    report = checked(ran, probe=True)
    assert unlike(report) == {"probe": "failed"}
    assert "Up to 1 message may not have arrived" in the(report, "probe").what
    assert "next run" not in the(report, "probe").do


def test_a_probe_is_skipped_if_a_prerequisite_failed(ran):
    ran.receiver.stop()
    report = checked(ran, probe=True)
    assert (the(report, "probe").status, the(report, "probe").what) == ("skipped", "Skipped: the receiver check failed.")


def test_over_relp_the_session_opens_and_closes_and_the_probe_is_acknowledged(ran, tmp_path):
    authority = Authority(tmp_path / "relp")
    with serving(authority, acknowledge_everything, acknowledge_everything, acknowledge_everything) as server:
        changes = {"SYSLOG_TRANSPORT": "relp", "SYSLOG_PORT": str(server.port), "SYSLOG_CA": f"file:{authority.ca}"}
        report = checked(ran, probe=True, **changes)
    assert (report.verdict, unlike(report)) == ("healthy", {"probe": "ok"})
    commands = [[command for _, command, _ in frames] for frames in server.received]
    assert commands == [[], [b"open", b"close"], [b"open", b"syslog", b"close"]]
    assert the(report, "probe").what.endswith("was sent and confirmed by relp_ack.")


NOTHING_ANSWERS = {
    "all": {"regions", "identity", "receiver", "monitoring"},
    "us-ashburn-1": {"identity", "audit", "state", "coverage", "receiver", "monitoring"},
}


@pytest.mark.parametrize("regions", NOTHING_ANSWERS)
def test_checks_end_within_the_limit_if_nothing_answers(tmp_path, api_key, regions):
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
            "REGIONS": regions,
        }
        began = time.monotonic()
        report = run_health_checks(environment, "r1", SYSTEM, Deadline.after(SYSTEM, 3))
        took = time.monotonic() - began
    assert took < 3.5
    failed = {check.name for check in report.checks if check.status in ("failed", "degraded") and check.do}
    assert failed == NOTHING_ANSWERS[regions]


def test_a_hanging_check_is_abandoned():
    never = threading.Event()

    def hang():
        never.wait()
        return CheckResult("at last")

    with pytest.raises(OutOfTime, match=r"No response within 0\.1 s\."):
        call_until(Deadline.after(SYSTEM, 0.1), hang)
    never.set()
    assert call_until(Deadline.after(SYSTEM, 5), hang) == CheckResult("at last")


def test_an_internal_error_is_raised(stage):
    with pytest.raises(ZeroDivisionError):
        call_until(Deadline.after(SYSTEM, 5), lambda: 1 / 0)
    put(stage, State(REGION, THROUGH))
    stage.world.put_hook = lambda write: 1 / 0
    with pytest.raises(InternalError):
        checked(stage)


def test_without_time_no_check_runs():
    report = run_health_checks({}, "r1", SYSTEM, Deadline.after(SYSTEM, 0.1))
    assert told(report) == {**FINE, "settings": "failed", **NOTHING}
    assert the(report, "settings").what == "No time was left for this check."


def test_no_secret_is_shown(ran, tmp_path, capsys):
    secret = Authority(tmp_path / "own").client().key.read_text("utf-8")
    ran.world.secret("ocid1.vaultsecret.oc1..key", secret)
    cert = f"file:{Authority(tmp_path / 'other').client().cert}"
    for key in (secret, "vault:ocid1.vaultsecret.oc1..key"):
        report = checked(ran, SYSLOG_CLIENT_CERT=cert, SYSLOG_CLIENT_KEY=key)
        assert unlike(report)["tls"] == "failed"
        everything = msgspec.json.encode(report).decode() + capsys.readouterr().err
        assert [line for line in secret.splitlines() if line in everything] == []


def test_the_report_is_one_log_line(ran, capsys):
    ran.receiver.stop()
    checked(ran)
    (line,) = map(json.loads, capsys.readouterr().err.splitlines())
    assert (line["level"], line["event"], line["health"]["verdict"]) == ("ERROR", "health", "unhealthy")
    assert line["message"].startswith("unhealthy: receiver failed: ")


def test_the_function_returns_200_for_every_verdict():
    with serve_function(Path(__file__).parents[2] / "func.py", {"SYSLOG_PORT": "0"}) as function:
        answer = function.call(b'{"action": "health"}')
    told = json.loads(answer.body)
    assert (answer.status, told["verdict"], told["checks"][0]["name"]) == (200, "unhealthy", "settings")
    assert "SYSLOG_PORT=0" in told["checks"][0]["what"]


def test_the_cli_prints_every_check_and_then_the_verdict(terminal):  # noqa: F811
    stage, type_in = terminal
    done = type_in("health")
    assert done.exit_code == 1
    assert f"degraded lag {REGION}: No run has completed yet." in done.stdout
    assert done.stdout.count("Run `epimetheus run` first. For a deployed function: check that the schedule invokes the function,") == 1
    assert "`epimetheus runs` lists" not in done.stdout
    assert type_in("run").exit_code == 0
    done = type_in("health")
    assert done.exit_code == 0
    assert "ok       receiver: localhost:" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("healthy: 0 of 21 checks need attention, ")
    assert type_in("state", "reset", "--yes").exit_code == 0
    done = type_in("health")
    assert (done.exit_code, done.stdout.count("Run `epimetheus run` first.")) == (1, 1), done.stdout
    assert type_in("run").exit_code == 0
    stage.world.faults.add("status", status=404, operation="PostMetricData", times=None)
    assert type_in("health").exit_code == 1
    stage.receiver.stop()
    done = type_in("health")
    assert done.exit_code == 2
    assert "\n         Check SYSLOG_HOST and SYSLOG_PORT" in done.stdout
    assert "unhealthy: 2 of 21 checks need attention" in done.stdout


def test_the_cli_prints_json_and_sends_a_probe(terminal):  # noqa: F811
    stage, type_in = terminal
    report = json.loads(type_in("health", "--probe", "--json").stdout)
    assert (report["version"], report["verdict"], len(stage.receiver.messages)) == (1, "degraded", 1)
    assert type_in("health", "--json", "--timeout", "0").exit_code == 2


def test_what_is_covered_is_counted(ran):
    ran.world.add_compartment("app")
    ran.world.regions.append("eu-paris-1")
    ran.run(REGIONS=REGION, COMPARTMENT_MODE="exclude", COMPARTMENT_IDS=ran.world.compartments.below(ran.world.tenancy, subtree=True)[0].id)
    assert the(checked(ran, REGIONS=REGION), "coverage").what == (
        "1 of 2 subscribed regions are polled. The home region is us-ashburn-1. us-ashburn-1: 1 of 2 compartments are polled, 1 excluded."
    )
    ran.world.faults.add("status", status=404, operation="ListRegionSubscriptions", times=None)
    check = the(checked(ran, REGIONS=REGION), "coverage")
    assert check.status == "ok"
    assert check.what.startswith("REGIONS names the regions. Whether the home region is one of them is not known: Listing the regions of")
    assert "Allow group NAME to inspect tenancies in tenancy" in check.what


def test_a_compartment_that_oci_refuses_is_not_covered(ran):
    app = "ocid1.compartment.oc1..app"
    known = {**ran.state().known, app: KnownCompartment("app", ran.world.tenancy, polled=True)}
    put(ran, replace(ran.state(), known=known, behind={app: BehindCompartment(THROUGH - 60, "404", 3, not_found_at=THROUGH)}))
    report = checked(ran)
    assert unlike(report) == {"behind": "degraded", "coverage": "degraded"}
    assert the(report, "coverage").what == (
        "us-ashburn-1: 1 of 2 existing compartments cannot be read: OCI returns 404 for ocid1.compartment.oc1..app. Its events are"
        " forwarded once it can be read."
    )
    policy = "Allow group NAME to read audit-events in tenancy"
    assert the(report, "coverage").do == f"If no policy allows the call, add this statement: {policy}"
