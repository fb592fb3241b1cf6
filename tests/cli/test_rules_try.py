"""``rules try``: what a rules file would do, shown without doing it."""

import json

import pytest

from tests.cli.test_app import terminal  # noqa: F401 - a fixture
from tests.render.helpers import event
from tests.run.test_rules_in_a_run import put, rules

SERVICE = {"principalId": "ocid1.fnfunc.oc1.iad.f", "authType": "resource"}
CHOSEN = rules(
    mode="exclude", excluded_events=["List*"], never_drop=["ListUsers"],
    rate_limiting={"GetInstance": {"max_per_hour": 2}}, user_filtering={"exclude_service_accounts": True},
)  # fmt: skip


def one(name, number, when="2026-01-01T12:00:00Z", **data):
    raw = event(name, f"com.oraclecloud.ComputeApi.{name}", **data)
    return {**raw, "eventId": f"{name}-{number}", "eventTime": when}


EVENTS = [
    *[one("ListInstances", n) for n in range(4)],
    *[one("GetInstance", n) for n in range(3)],
    *[one("LaunchInstance", n, identity=SERVICE) for n in range(2)],
    one("ListUsers", 0),
    one("ListUsers", 0),
    one("UpdatePolicy", 0, resourceId="ocid1.policy.oc1..ours"),
    {"eventType": 7},
]
ROWS = [
    ("4", "com.oraclecloud.ComputeApi.ListInstances", "excluded_event"),
    ("2", "com.oraclecloud.ComputeApi.GetInstance", "sent"),
    ("2", "com.oraclecloud.ComputeApi.LaunchInstance", "service"),
    ("1", "?", "sent, not understood"),
    ("1", "com.oraclecloud.ComputeApi.GetInstance", "rate_limited"),
    ("1", "com.oraclecloud.ComputeApi.ListUsers", "sent"),
    ("1", "com.oraclecloud.ComputeApi.UpdatePolicy", "sent, marked by TAMPER_WATCH"),
]


def searched(raw):
    return {"logContent": {"type": raw["eventType"], "id": raw["eventId"], "time": raw["eventTime"], "data": raw["data"]}}


def table(output):
    return [tuple(cell.strip() for cell in line.split("│")[1:4]) for line in output.splitlines() if line.startswith("│")]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(EVENTS, indent=1),
        "\n\n".join(map(json.dumps, EVENTS)),
        "\r\n".join(json.dumps(searched(e) if "data" in e else e) for e in EVENTS),
    ],
    ids=["a list", "lines", "what Logging's search gives"],
)
def test_a_file_of_events_meets_the_rules_without_oci_and_without_settings(terminal, tmp_path, text):  # noqa: F811
    stage, type_in = terminal
    (tmp_path / "events").write_text(text)
    (tmp_path / "rules").write_text(CHOSEN)
    files = ("--file", str(tmp_path / "events"), "--rules", str(tmp_path / "rules"))
    lacking = {"SYSLOG_HOST": "", "STATE_FILE": "", "OCI_CONFIG_FILE": "/nowhere"}
    done = type_in("rules", "try", *files, **lacking, TAMPER_WATCH="ocid1.policy.oc1..ours")
    assert (done.exit_code, done.stderr) == (0, "")
    assert table(done.stdout) == ROWS
    assert done.stdout.splitlines()[-1] == (
        "12 events, 1 repeats aside: 4 excluded_event; 3 sent; 2 service; 1 rate_limited;"
        " 1 sent, marked by TAMPER_WATCH; 1 sent, not understood."
    )
    assert stage.world.requests == []


def test_what_oci_has_since_then_meets_the_rules_and_nothing_is_sent_or_written(terminal):  # noqa: F811
    stage, type_in = terminal
    closed = stage.world.add_compartment("closed")
    stage.world.forbid(closed)
    put(stage, "ListInstances", 60, 50)
    put(stage, "UpdatePolicy", 5, 40)
    put(stage, "GetInstance", 7, 150)
    done = type_in("rules", "try", "--since", "2h", RULES=CHOSEN, API_CONCURRENCY="2")
    assert done.exit_code == 1
    assert table(done.stdout) == [
        ("60", "com.oraclecloud.ComputeApi.ListInstances", "excluded_event"),
        ("5", "com.oraclecloud.ComputeApi.UpdatePolicy", "sent"),
    ]
    assert f"Not read: {closed}: " in done.stdout
    assert (stage.receiver.connections, stage.world.objects("audit-state")) == (0, {})


@pytest.mark.parametrize("since", ["24", "0h", "h", "-1h", "2 h", "366d", "99999999999999h", "²h"])
def test_a_time_that_is_none_is_refused(terminal, since):  # noqa: F811
    _, type_in = terminal
    done = type_in("rules", "try", f"--since={since}")
    assert done.exit_code == 2
    assert f"--since {since}: allowed is a number with m, h or d, up to 365d" in done.stderr


def test_files_that_can_not_be_used_are_named(terminal, tmp_path):  # noqa: F811
    _, type_in = terminal
    (tmp_path / "empty").write_text(" \n")
    (tmp_path / "bad").write_text('{"event_filtering": {"mode": "some"}}')
    done = type_in("rules", "try", "--file", str(tmp_path / "empty"))
    assert (done.exit_code, "is empty: allowed is a JSON list of events, or one event a line" in done.stderr) == (2, True)
    done = type_in("rules", "try", "--file", str(tmp_path / "none"))
    assert (done.exit_code, "No such file or directory" in done.stderr) == (2, True)
    done = type_in("rules", "try", "--file", str(tmp_path / "empty"), "--rules", str(tmp_path / "bad"))
    assert (done.exit_code, "event_filtering.mode" in done.stderr) == (2, True)


def test_what_is_odd_about_the_rules_is_told_first(terminal, tmp_path):  # noqa: F811
    _, type_in = terminal
    (tmp_path / "events").write_text(json.dumps(EVENTS))
    done = type_in("rules", "try", "--file", str(tmp_path / "events"), RULES=rules(mode="include"))
    assert "included_events is empty: every event is sent" in done.stdout.splitlines()[0]
