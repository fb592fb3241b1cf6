"""``rules preview``: outcomes by event type, without sending or writing."""

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
    ("1", "?", "sent, malformed"),
    ("1", "com.oraclecloud.ComputeApi.GetInstance", "rate_limited"),
    ("1", "com.oraclecloud.ComputeApi.ListUsers", "sent"),
    ("1", "com.oraclecloud.ComputeApi.UpdatePolicy", "sent, marked by TAMPER_WATCH"),
]


def search_result(raw):
    return {"logContent": {"type": raw["eventType"], "id": raw["eventId"], "time": raw["eventTime"], "data": raw["data"]}}


def table(output):
    heading, *rows = (tuple(line.split("\t")) for line in output.splitlines())
    assert heading == ("events", "event type", "outcome")
    return rows


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(EVENTS, indent=1),
        "\n\n".join(map(json.dumps, EVENTS)),
        "\r\n".join(json.dumps(search_result(e) if "data" in e else e) for e in EVENTS),
    ],
    ids=["list", "lines", "results of a Logging search"],
)
def test_rules_apply_to_a_file_without_oci_and_settings(terminal, tmp_path, text):  # noqa: F811
    stage, run_cli = terminal
    (tmp_path / "events").write_text(text)
    (tmp_path / "rules").write_text(CHOSEN)
    files = ("--file", str(tmp_path / "events"), "--rules", str(tmp_path / "rules"))
    missing = {"SYSLOG_HOST": "", "STATE_FILE": "", "OCI_CONFIG_FILE": "/nowhere"}
    result = run_cli("rules", "preview", *files, **missing, TAMPER_WATCH="ocid1.policy.oc1..ours")
    assert (result.exit_code, table(result.stdout)) == (0, ROWS)
    assert result.stderr == (
        "12 events (1 duplicate not counted): 4 excluded_event; 3 sent; 2 service; 1 rate_limited;"
        " 1 sent, marked by TAMPER_WATCH; 1 sent, malformed.\n"
    )
    assert stage.world.requests == []


def test_rules_apply_to_events_on_standard_input(terminal):  # noqa: F811
    _, run_cli = terminal
    result = run_cli("rules", "preview", "--file", "-", answer=json.dumps(EVENTS[:4]))
    assert (result.exit_code, table(result.stdout)) == (0, [("4", "com.oraclecloud.ComputeApi.ListInstances", "sent")])


def test_rules_apply_to_past_events_and_nothing_is_sent_or_written(terminal):  # noqa: F811
    stage, run_cli = terminal
    closed = stage.world.add_compartment("closed")
    stage.world.forbid(closed)
    put(stage, "ListInstances", 60, 50)
    put(stage, "UpdatePolicy", 5, 40)
    put(stage, "GetInstance", 7, 150)
    result = run_cli("rules", "preview", "--since", "2h", RULES=CHOSEN, API_CONCURRENCY="2")
    assert result.exit_code == 1
    assert table(result.stdout) == [
        ("60", "com.oraclecloud.ComputeApi.ListInstances", "excluded_event"),
        ("5", "com.oraclecloud.ComputeApi.UpdatePolicy", "sent"),
    ]
    assert f"Not read: {closed}: " in result.stderr
    assert (stage.receiver.connections, stage.world.objects("audit-state")) == (0, {})


@pytest.mark.parametrize("since", ["24", "0h", "h", "-1h", "2 h", "366d", "99999999999999h", "²h"])
def test_an_invalid_duration_is_rejected(terminal, since):  # noqa: F811
    _, run_cli = terminal
    result = run_cli("rules", "preview", f"--since={since}")
    assert result.exit_code == 2
    assert f"--since {since}: expected a duration before now from 1m to 365d, such as 24h, or a time in this period" in result.stderr


def test_unusable_files_are_named(terminal, tmp_path):  # noqa: F811
    _, run_cli = terminal
    (tmp_path / "empty").write_text(" \n")
    (tmp_path / "bad").write_text('{"event_filtering": {"mode": "some"}}')
    result = run_cli("rules", "preview", "--file", str(tmp_path / "empty"))
    assert (result.exit_code, "the file is empty, as the OCI CLI leaves it" in result.stderr) == (2, True)
    result = run_cli("rules", "preview", "--file", str(tmp_path / "none"))
    assert (result.exit_code, "No such file or directory" in result.stderr) == (2, True)
    result = run_cli("rules", "preview", "--file", str(tmp_path / "empty"), "--rules", str(tmp_path / "bad"))
    assert (result.exit_code, "event_filtering.mode" in result.stderr) == (2, True)


def test_an_event_name_that_oci_does_not_have_is_a_warning(terminal, tmp_path):  # noqa: F811
    _, run_cli = terminal
    (tmp_path / "events").write_text(json.dumps(EVENTS))
    (tmp_path / "rules").write_text(rules(mode="exclude", excluded_events=["HeadObjekt"]))
    result = run_cli("rules", "preview", "--file", str(tmp_path / "events"), "--rules", str(tmp_path / "rules"))
    says = "event_filtering.excluded_events[0]: HeadObjekt is not a known event name. Did you mean HeadObject?"
    assert says in result.stderr.splitlines()[0]


def test_warnings_about_the_rules_are_shown_first(terminal, tmp_path):  # noqa: F811
    _, run_cli = terminal
    (tmp_path / "events").write_text(json.dumps(EVENTS))
    result = run_cli("rules", "preview", "--file", str(tmp_path / "events"), RULES=rules(mode="include"))
    assert "included_events is empty: every event is sent" in result.stderr.splitlines()[0]
