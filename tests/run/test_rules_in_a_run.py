"""Rules in whole runs: what the receiver gets, counts, notices, and rate limits after a failed run."""

import json
from pathlib import Path

import pytest
from cryptography import x509
from typer.testing import CliRunner

from epimetheus.cli.app import app
from epimetheus.errors import ConfigError
from epimetheus.function.invoke import RunFailed
from epimetheus.model import HourlyCount, parse_minute, time_text
from epimetheus.reports import Cache
from epimetheus.testing.syslog import parse_message
from tests.render.helpers import event
from tests.support.hand import NOON
from tests.support.harness import event_id

GET = "com.oraclecloud.ComputeApi.GetInstance"
# The documented example of the Go program, key for key.
EXAMPLE = {
    "event_filtering": {
        "mode": "exclude",
        "excluded_events": [],
        "included_events": [],
        "rate_limiting": {GET: {"max_per_hour": 100, "enabled": True}},
        "priority_events": [
            "com.oraclecloud.identityControlPlane.CreateUser",
            "com.oraclecloud.identityControlPlane.DeleteUser",
            "com.oraclecloud.ComputeApi.LaunchInstance",
            "com.oraclecloud.ComputeApi.TerminateInstance",
        ],
        "user_filtering": {"exclude_service_accounts": True, "exclude_users": [], "include_only_users": []},
    }
}
ELEVEN = parse_minute("2026-01-01T11:00:00Z")


def put(stage, name, count, minutes_ago, *, place=None, service="ComputeApi", seconds=1.0, prefix="", **data):
    """Add ``count`` events, ``seconds`` apart, beginning ``minutes_ago``; processed at their event time. Returns their ids."""
    start = stage.hand.time - minutes_ago * 60
    ids = []
    for number in range(count):
        at = start + number * seconds
        raw = event(name, f"com.oraclecloud.{service}.{name}", **{"resourceId": None, **data})
        ids.append(f"{prefix}{name}-{minutes_ago}-{number}")
        when = f"2026-01-01T{int(at - NOON + 43200) // 3600:02d}:{int(at) // 60 % 60:02d}:{int(at) % 60:02d}.000Z"
        stage.world.add_event(place or stage.world.tenancy, {**raw, "eventId": ids[-1], "eventTime": when}, processed=at)
    return ids


def rules(**filtering):
    return json.dumps({"event_filtering": filtering})


def notices(stage):
    """Event type, message and details of each notice, in order of arrival."""
    received = [parse_message(message) for message in stage.receiver.messages]
    bodies = [json.loads(one.body) for one in received if one.msgid == "notice"]
    return [(body["eventType"], body["data"]["message"], body["data"]["additionalDetails"]) for body in bodies]


def arrived(stage, name=""):
    received = [message for message in stage.receiver.messages if parse_message(message).msgid == "audit"]
    return [ident for ident in map(event_id, received) if ident.startswith(name)]


JSON = {"FORMAT": "json", "INITIAL_LOOKBACK_HOURS": "2", "OWN_EVENTS": "forward"}


def test_the_documented_example_limits_events_across_several_runs_and_a_failure(stage):
    settings = {**JSON, "RULES": json.dumps(EXAMPLE)}
    stage.hand.time = NOON - 40 * 60  # 11:20
    first = put(stage, "GetInstance", 60, 15)
    put(stage, "LaunchInstance", 150, 15)
    report = stage.run(**settings)
    assert (report.forwarded, report.filtered) == (210, {})

    stage.hand.forward(10 * 60)
    second = put(stage, "GetInstance", 70, 10)
    put(stage, "ListInstances", 1500, 10, seconds=0.1)
    stage.receiver.faults.add("die", after=700)
    with pytest.raises(RunFailed):
        stage.call(**settings)
    assert stage.state().rate_limits == {GET: {ELEVEN: HourlyCount(passed=60)}}
    stage.receiver.start()
    stage.receiver.faults.clear()

    stage.hand.forward(10 * 60)
    third = put(stage, "GetInstance", 30, 9)
    put(stage, "GetInstance", 5, 3, service="OtherApi", prefix="other-")
    report = stage.run(**settings)
    assert report.filtered == {"rate_limited": 60}
    assert set(arrived(stage, "GetInstance")) == {*first, *second[:40]}
    assert len(set(arrived(stage, "other-"))) == 5
    assert notices(stage) == []

    stage.hand.forward(40 * 60)  # 12:20
    fourth = put(stage, "GetInstance", 10, 15)
    report = stage.run(**settings)
    assert set(arrived(stage, "GetInstance")) == {*first, *second[:40], *fourth}
    ((kind, message, details),) = notices(stage)
    assert kind == "epimetheus.HeldBack"
    assert message == (
        f"60 events {GET} were held back by rate_limiting in the hour from 2026-01-01T11:00:00Z,"
        " from 2026-01-01T11:20:40.000Z to 2026-01-01T11:31:29.000Z; 100 were forwarded."
    )
    assert details == {
        "run": report.run, "region": "us-ashburn-1", "eventType": GET, "hour": "2026-01-01T11:00:00Z", "heldBack": 60, "forwarded": 100,
        "from": "2026-01-01T11:20:40.000Z", "to": "2026-01-01T11:31:29.000Z",
    }  # fmt: skip
    assert third[-1] not in arrived(stage)
    assert (report.notices, report.fetched) == (1, report.forwarded + report.duplicates)
    stage.hand.forward(10 * 60)
    assert stage.run(**settings).notices == 0


def test_an_unconfirmed_notice_is_sent_by_the_next_run(stage):
    settings = {**JSON, "RULES": rules(rate_limiting={"GetInstance": {"max_per_hour": 1}})}
    put(stage, "GetInstance", 3, 110)
    stage.receiver.faults.add("die", after=1)
    with pytest.raises(RunFailed):
        stage.call(**settings)
    stage.receiver.start()
    stage.receiver.faults.clear()
    report = stage.run(**settings)
    assert [details["heldBack"] for _, _, details in notices(stage)][-1:] == [2]
    assert report.notices == 1
    assert stage.run(**settings).notices == 0


def test_a_late_event_counts_in_the_hour_of_its_event_time(stage):
    settings = {**JSON, "RULES": rules(rate_limiting={"Get*": {"max_per_hour": 2}})}
    put(stage, "GetInstance", 3, 62, seconds=30)
    assert stage.run(**settings).filtered == {"rate_limited": 1}
    stage.hand.forward(600)
    late = {**event("GetInstance", GET), "eventId": "late", "eventTime": "2026-01-01T10:59:00Z"}
    stage.world.add_event(stage.world.tenancy, late, processed=stage.hand.time - 300)
    report = stage.run(**settings)
    assert (report.filtered, report.forwarded, arrived(stage, "late")) == ({"rate_limited": 1}, 0, [])


def test_a_filtered_event_is_counted_once_by_its_reason(stage):
    person = {"principalName": "alice", "principalId": "ocid1.user.oc1..a", "authType": "natv"}
    service = {"principalId": "ocid1.fnfunc.oc1.iad.f", "authType": "resource"}
    put(stage, "GetInstance", 2, 10, identity=person)
    put(stage, "DeleteBucket", 3, 9, identity=service)
    put(stage, "ListBuckets", 4, 8, identity=service)
    put(stage, "UpdatePolicy", 5, 7, identity={**person, "principalName": "bob"})
    chosen = rules(
        mode="exclude", excluded_events=["Get*"], never_drop=["DeleteBucket"],
        user_filtering={"exclude_service_accounts": True, "exclude_users": ["bob"]},
    )  # fmt: skip
    report = stage.run(**JSON, RULES=chosen)
    assert report.filtered == {"excluded_event": 2, "service": 4, "excluded_user": 5}
    assert (report.fetched, report.forwarded, len(arrived(stage, "DeleteBucket"))) == (14, 3, 3)
    again = stage.run(**JSON, RULES=chosen)
    assert (again.fetched, again.duplicates, again.filtered) == (14, 14, {})


def test_a_malformed_event_passes_every_rule(stage):
    stage.world.add_event(stage.world.tenancy, b'{"eventType": 7, "eventId": "odd"}', processed=stage.hand.time - 600)
    report = stage.run(**JSON, RULES=rules(mode="exclude", excluded_events=["*"], user_filtering={"include_only_users": ["bob"]}))
    assert (report.malformed, report.forwarded, report.filtered) == (1, 1, {})


def test_an_event_on_a_watched_resource_passes_every_rule_marked_and_with_raised_severity(stage):
    policy = "ocid1.policy.oc1..ours"
    put(stage, "GetPolicy", 2, 10, service="identityControlPlane", resourceId=policy)
    put(stage, "GetPolicy", 3, 9, service="identityControlPlane", resourceId="ocid1.policy.oc1..theirs")
    report = stage.run(**{**JSON, "RULES": rules(mode="exclude", excluded_events=["*"]), "TAMPER_WATCH": policy})
    assert (report.forwarded, report.filtered) == (2, {"excluded_event": 3})
    (one, other) = (parse_message(message) for message in stage.receiver.messages)
    assert json.loads(one.body)["epimetheus"] == {"compartmentPath": "root", "tamperWatch": True, "severity": 9}
    assert {one.severity, other.severity} == {3}


def own(stage, count, **more):
    ours = {"principalId": stage.world.user, "authType": "natv"}
    return put(stage, "ListEvents", count, 10, service="Audit", identity=ours, response={"status": "200"}, **more)


def test_own_polling_is_summarized_in_one_message_per_run(stage):
    own(stage, 40)
    stage.emit(stage.world.tenancy, 3, 5)
    settings = {**JSON, "OWN_EVENTS": "summarize"}
    report = stage.run(**settings)
    assert (report.filtered, report.forwarded, report.notices) == ({"own_polling": 40}, 3, 1)
    ((kind, message, details),) = notices(stage)
    assert (kind, details["filtered"], details["calls"]) == ("epimetheus.OwnPolling", 40, {"ListEvents": 40})
    assert message == (
        "40 events from Epimetheus's own polling were filtered, from 2026-01-01T11:50:00.000Z to 2026-01-01T11:50:39.000Z: 40 ListEvents."
    )
    again = stage.run(**settings)
    assert (again.notices, again.filtered) == (0, {})


def test_own_polling_is_forwarded_with_own_events_forward(stage):
    ids = own(stage, 4)
    assert stage.run(**JSON).filtered == {}
    assert arrived(stage) == ids


def test_the_path_of_a_compartment_is_added(stage):
    prod = stage.world.add_compartment("prod")
    app = stage.world.add_compartment("app", prod)
    put(stage, "GetInstance", 1, 10, place=app, compartmentId=app)
    stage.run(**JSON)
    (message,) = stage.receiver.messages
    assert json.loads(parse_message(message).body)["epimetheus"] == {"compartmentPath": "root/prod/app", "severity": 2}


def test_an_invalid_rules_file_is_an_error_before_anything_is_sent(stage):
    put(stage, "GetInstance", 1, 10)
    with pytest.raises(ConfigError, match=r"event_filtering\.mode"):
        stage.call(**JSON, RULES=rules(mode="some"))
    stage.world.put("audit-state", "rules.json", b'{"event_filtering": {"mode": "some"}}')
    with pytest.raises(ConfigError, match=r"event_filtering\.mode"):
        stage.call(**JSON, RULES="object:rules.json")
    assert stage.receiver.messages == []


def test_statistics(stage, capsys):
    put(stage, "GetInstance", 120, 10)
    put(stage, "ListBuckets", 30, 9)
    tracking = {"track_cache_metrics": True, "track_performance_metrics": True}
    statistics = {"enable_detailed_logging": True, "log_interval_events": 100, **tracking}
    chosen = {"event_filtering": {"mode": "exclude", "excluded_events": ["ListBuckets"]}, "statistics": statistics}
    capsys.readouterr()
    report = stage.run(**JSON, RULES=json.dumps(chosen))
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["event_id"] for line in lines if line["event"] == "filtered"] == [f"ListBuckets-9-{n}" for n in range(30)]
    assert [line["fetched"] for line in lines if line["event"] == "counted"] == [100]
    assert report.caches == {"dedupe": Cache(0, 150, 150), "names": Cache(148, 2, 2)}
    assert set(report.performance.phases) == {"discover", "forward", "reconcile", "notices", "finish", "seal"}
    assert report.performance.events_per_second > 0
    tracked = {"cache_dedupe_size", "cache_names_hits", "events_per_second"}
    assert {metric["name"] for metric in stage.world.metrics} >= tracked
    stage.world.metrics.clear()
    stage.run(**JSON)
    assert tracked.isdisjoint(metric["name"] for metric in stage.world.metrics)
    assert "filtered" not in capsys.readouterr().err.partition('"event":"run"')[0]


def test_the_report_contains_the_days_until_the_first_certificate_expires(stage):
    put(stage, "GetInstance", 1, 10)
    report = stage.run(**JSON)
    shown = Path(stage.environment["SYSLOG_CA"].removeprefix("file:")).with_name("server-1.pem")
    ends = x509.load_pem_x509_certificate(shown.read_bytes()).not_valid_after_utc.timestamp()
    assert report.certificate_days == pytest.approx((ends - stage.hand.time) / 86_400, abs=0.01)
    assert stage.run(**JSON).certificate_days is None


def test_with_a_resource_principal_the_function_is_watched_and_its_own_polling_detected(stage, tmp_path, monkeypatch):
    for name, value in stage.world.resource_principal(tmp_path / "principal").items():
        monkeypatch.setenv(name, value)  # the SDK reads the environment
        stage.environment[name] = value
    del stage.environment["OCI_AUTH"], stage.environment["OCI_CONFIG_FILE"]
    ours = {"principalId": stage.world.function, "authType": "resource"}
    put(stage, "ListEvents", 3, 10, service="Audit", identity=ours, response={"status": "200"})
    put(stage, "UpdateFunction", 1, 9, service="FunctionsManagement", resourceId=stage.world.function)
    report = stage.run(**{**JSON, "OWN_EVENTS": "summarize", "RULES": rules(mode="exclude", excluded_events=["*"])})
    assert (report.filtered, report.forwarded, report.notices) == ({"own_polling": 3}, 1, 1)
    body = json.loads(parse_message(stage.receiver.messages[0]).body)
    assert (body["data"]["eventName"], body["epimetheus"]["tamperWatch"]) == ("UpdateFunction", True)


def poll(stage, count, minutes_ago, address, **more):
    ours = {"principalId": stage.world.user, "authType": "natv", "ipAddress": address}
    return put(stage, "ListEvents", count, minutes_ago, service="Audit", identity=ours, response={"status": "200"}, **more)


SUMMARISE = {**JSON, "OWN_EVENTS": "summarize"}


def test_use_of_the_credentials_from_another_address_is_a_warning(stage):
    poll(stage, 4, 10, "10.0.0.5")
    stolen = poll(stage, 3, 9, "203.0.113.7", prefix="stolen-")
    report = stage.run(**SUMMARISE)
    assert arrived(stage)[:3] == stolen
    assert (report.filtered, report.forwarded) == ({"own_polling": 4}, 3)
    assert report.warnings[1:] == [
        "The credentials of this deployment were used from 203.0.113.7, not only from 10.0.0.5. These calls are forwarded as events."
        " If a new container or NAT gateway of this deployment has that address, run `epimetheus state own-address ADDRESS`;"
        " otherwise the credentials are compromised: revoke them."
    ]
    ((_, message, details),) = notices(stage)
    assert message.endswith(": 4 ListEvents. They came from 10.0.0.5.")
    assert details["addresses"] == {"10.0.0.5": 4}


def test_the_own_address_is_stored_between_runs(stage):
    poll(stage, 2, 10, "10.0.0.5")
    stage.run(**SUMMARISE)
    stage.hand.forward(600)
    stolen = poll(stage, 3, 9, "203.0.113.7", prefix="stolen-")
    poll(stage, 2, 8, "10.0.0.5")
    report = stage.run(**SUMMARISE)
    assert set(stolen) <= set(arrived(stage))
    assert (report.filtered, report.forwarded) == ({"own_polling": 2}, 3)


def hours(stage, count, calls):
    """Hourly runs, each after the ``calls`` of its hour (address → number). Returns the filtered and forwarded events of each."""
    counts = []
    for _ in range(count):
        stage.hand.forward(3600)
        for address, number in calls.items():
            poll(stage, number, 10, address, prefix=f"{address}-{stage.hand.time}-")
        report = stage.run(**SUMMARISE)
        counts.append((report.filtered.get("own_polling", 0), report.forwarded))
    return counts


def test_a_second_address_is_never_an_own_address(stage):
    assert hours(stage, 8, {"10.0.0.5": 2, "203.0.113.7": 3}) == [(2, 3)] * 8


def test_a_new_address_is_not_an_own_address_and_the_old_one_stays(stage):
    hours(stage, 1, {"10.0.0.5": 2})
    assert hours(stage, 5, {"10.0.0.9": 2}) == [(0, 2)] * 5
    assert hours(stage, 2, {"10.0.0.9": 2, "10.0.0.5": 1}) == [(1, 2)] * 2


def type_in(stage, monkeypatch, *words):
    for name, value in stage.environment.items():
        monkeypatch.setenv(name, value)
    for module in ("state", "state_target"):
        monkeypatch.setattr(f"epimetheus.cli.{module}.SYSTEM", stage.hand.date_only)
    return CliRunner().invoke(app, words, catch_exceptions=False)


def test_an_operator_confirms_a_new_address(stage, monkeypatch):
    hours(stage, 1, {"10.0.0.5": 2})
    assert hours(stage, 2, {"10.0.0.9": 2}) == [(0, 2)] * 2
    assert type_in(stage, monkeypatch, "state", "own-address", "10.0.0.9", "--yes").exit_code == 0
    assert hours(stage, 2, {"10.0.0.9": 2, "10.0.0.5": 1}) == [(2, 1)] * 2


def test_an_invalid_address_is_rejected(stage, monkeypatch):
    done = type_in(stage, monkeypatch, "state", "own-address", "10.0.0.0/8", "--yes")
    assert (done.exit_code, "ADDRESS=10.0.0.0/8: expected the IPv4 or IPv6 address" in done.stderr) == (2, True)


def test_a_rewind_keeps_the_own_addresses(stage, monkeypatch):
    hours(stage, 1, {"10.0.0.5": 2})
    assert hours(stage, 1, {"203.0.113.7": 3}) == [(0, 3)]
    assert type_in(stage, monkeypatch, "state", "rewind", time_text(stage.hand.time - 60), "--yes").exit_code == 0
    assert hours(stage, 1, {"203.0.113.7": 3}) == [(0, 6)]  # earlier ones are read again


def test_many_addresses_take_little_state(stage):
    poll(stage, 1, 10, "10.0.0.5")
    for number in range(60):
        poll(stage, 1, 9, f"203.0.113.{number}", prefix=f"{number}-")
    report = stage.run(**SUMMARISE)
    assert (report.filtered, report.forwarded) == ({"own_polling": 1}, 60)
    assert len(stage.state().rate_limits) <= 22


def test_two_different_events_with_the_same_id_time_and_type_both_arrive(stage):
    put(stage, "GetInstance", 1, 10, message="one")
    put(stage, "GetInstance", 1, 10, message="two")
    put(stage, "GetInstance", 1, 10, message="two")
    report = stage.run(**JSON)
    assert arrived(stage) == ["GetInstance-10-0"] * 2
    assert (report.fetched, report.forwarded, report.duplicates) == (3, 2, 1)
    assert {json.loads(parse_message(message).body)["data"]["message"] for message in stage.receiver.messages} == {"one", "two"}
    assert stage.run(**JSON).forwarded == 0
