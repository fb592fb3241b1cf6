"""``rules preview --json`` and ``state show --json``."""

import json

from tests.cli.test_app import terminal  # noqa: F401 - a fixture


def test_rules_preview_prints_its_outcomes_as_json(terminal, tmp_path):  # noqa: F811
    _, run_cli = terminal
    event = {"eventType": "com.oraclecloud.ComputeApi.GetInstance", "eventId": "1", "eventTime": "2026-11-24T10:00:00Z", "data": {}}
    other = {**event, "eventType": "com.oraclecloud.ComputeApi.StopInstance", "eventId": "2"}
    (tmp_path / "events.json").write_text(json.dumps([event, event, other]))
    (tmp_path / "rules.json").write_text('{"event_filtering": {"mode": "exclude", "excluded_events": ["*.GetInstance"]}}')
    result = run_cli("rules", "preview", "--json", "--file", str(tmp_path / "events.json"), "--rules", str(tmp_path / "rules.json"))
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout) == {
        "events": 2,
        "duplicates": 1,
        "outcomes": [
            {"event_type": "com.oraclecloud.ComputeApi.GetInstance", "outcome": "excluded_event", "events": 1},
            {"event_type": "com.oraclecloud.ComputeApi.StopInstance", "outcome": "sent", "events": 1},
        ],
        "unread": {},
        "warnings": [],
    }


def test_rules_preview_names_unread_compartments_in_json(terminal):  # noqa: F811
    stage, run_cli = terminal
    other = stage.world.add_compartment("other")
    stage.world.forbid(other)
    result = run_cli("rules", "preview", "--json")
    assert result.exit_code == 1
    assert list(json.loads(result.stdout)["unread"]) == [other]


BOTH = ["behind", "through"]


def test_state_show_prints_json(terminal):  # noqa: F811
    stage, run_cli = terminal
    absent = json.loads(run_cli("state", "show", "--json").stdout)
    assert absent == {"location": stage.environment["STATE_FILE"], "region": "us-ashburn-1", "exists": False}
    other = stage.world.add_compartment("other")
    stage.world.forbid(other)
    stage.emit(stage.world.tenancy, 3, 5)
    assert run_cli("run").exit_code == 1
    result = run_cli("state", "show", "--json")
    shown = json.loads(result.stdout)
    assert result.exit_code == 0
    assert (shown["exists"], shown["compartments"]) == (True, {"known": 2, "polled": 2, "behind": 1})
    assert (shown["lease"], shown["adopted"], shown["problem"]) == (None, None, None)
    assert {after: sorted(one) for after, one in shown["reconciled"].items()} == {"60": BOTH, "1440": BOTH}
    assert (shown["tenancy"], shown["receiver"]) == (stage.world.tenancy, f"tls://localhost:{stage.environment['SYSLOG_PORT']}")
    assert list(shown["behind"]) == [other]
    assert shown["last_run"]["forwarded"] == 3
    assert 0 < shown["lag_seconds"] < 600


def test_state_show_names_the_problem_in_json(terminal):  # noqa: F811
    _, run_cli = terminal
    assert run_cli("run").exit_code == 0
    shown = json.loads(run_cli("state", "show", "--json", SYSLOG_HOST="other.example.com").stdout)
    assert "other.example.com" in shown["problem"]["what"]
    assert "epimetheus state adopt" in shown["problem"]["do"]
