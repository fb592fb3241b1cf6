"""Terminal output: reports, states, settings, and progress."""

import io
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from rich.console import Console

from epimetheus.cli.console import cell, print_wrapped
from epimetheus.cli.display import EXIT_CODES, show_check, show_report, show_settings, show_state
from epimetheus.cli.preview_view import show_preview
from epimetheus.cli.rules_preview import SENT, RulesPreview
from epimetheus.config.settings import Settings
from epimetheus.errors import ConfigError
from epimetheus.health.model import ReportedCheck
from epimetheus.state.model import Adoption, BehindCompartment, KnownCompartment, Lease, Reconciled, State
from epimetheus.state.owner import ReceiverId
from epimetheus.state.seals import SealHead, SealState
from tests.support.reports import REFUSED, behind, report

NOON = 1_767_268_800.0  # 2026-01-01T12:00:00Z
REQUIRED = {"SYSLOG_HOST": "siem.example.com", "STATE_BUCKET": "audit"}
FILTERED = "6 filtered (1 rate-limited, 5 excluded_event), 3 truncated"
REQUESTS = "OCI: audit 8 requests (6 retries, 1 throttled), identity 1 request"
COUNTS = "fetched 19  forwarded 9  unconfirmed 0  duplicates 4  filtered 6   malformed 2  truncated 3  abridged 0  redacted 2"


@pytest.fixture
def plain() -> Console:
    return Console(file=io.StringIO(), width=100)


@pytest.fixture
def tty() -> Console:
    return Console(file=io.StringIO(), width=100, force_terminal=True, color_system="standard", legacy_windows=False)


def printed(console: Console) -> str:
    return console.file.getvalue()


def rows(console: Console) -> dict[str, str]:
    """Names and values, which are tab-separated without a terminal."""
    return dict(line.split("\t") for line in printed(console).splitlines())


def test_each_status_has_an_exit_code():
    assert EXIT_CODES == {"ok": 0, "skipped": 0, "partial": 1, "failed": 2}


@pytest.mark.parametrize(
    ("changes", "headline"),
    [
        (
            {"filtered": {"[rate] limit": 6}},
            "eu-paris-1 ok: 9 forwarded, 4 duplicates dropped, 6 filtered (6 [rate] limit), 3 truncated, through 2026-01-01T11:58:00Z",
        ),
        ({"status": "failed", "error": REFUSED, "position": None}, "eu-paris-1 failed: Nothing listens on siem:6514. Start the receiver."),
    ],
)
def test_a_report_is_shown_as_a_headline_and_counts(plain, changes, headline):
    show_report(plain, report(**changes))
    assert printed(plain).splitlines() == [
        headline,
        f"  {COUNTS}",
        f"  {REQUESTS}   receiver: connections 2  confirmations 1  confirmed by tls_close_notify   1.5 s",
    ]


@pytest.mark.parametrize(("connections", "text"), [(0, "nothing to confirm"), (1, "nothing confirmed")])
def test_a_run_without_a_confirmation_says_why(plain, connections, text):
    show_report(plain, report(receiver={"connections": connections, "confirmations": 0, "confirmation": "none"}))
    assert f"   receiver: connections {connections}  confirmations 0  {text}   1.5 s" in printed(plain)


def test_warnings_are_shown_unwrapped_and_without_markup():
    narrow = Console(file=io.StringIO(), width=20)
    show_report(narrow, report(warnings=["[bold]RULES[/bold] names an event twice, in a list that is as long as this."]))
    assert printed(narrow).splitlines()[-1] == "  [bold]RULES[/bold] names an event twice, in a list that is as long as this."
    assert len(printed(narrow).splitlines()) == 4


def test_a_skipped_run_gives_its_reason_once(plain):
    show_report(plain, report(status="skipped", warnings=["Run r0 holds the lease."]))
    assert printed(plain).count("Run r0 holds the lease.") == 1


@pytest.mark.parametrize(("do", "hints"), [("Read the log of the last runs.", 1), ("Run `epimetheus run` first.", 0)])
def test_a_lag_has_a_hint_unless_its_remedy_names_the_command(plain, do, hints):
    show_check(plain, ReportedCheck("lag", "eu-paris-1", "degraded", 0.0, "3.0 h behind.", do))
    assert printed(plain).count("`epimetheus run` reads what is missing now.") == hints


@pytest.mark.parametrize(("status", "color"), [("ok", "32"), ("skipped", "33"), ("partial", "33"), ("failed", "31")])
def test_a_headline_has_the_color_of_its_status(tty, status, color):
    show_report(tty, report(status=status, position=behind(2)))
    assert printed(tty).startswith(f"\x1b[{color}meu-paris-1 {status}")


def test_a_state_is_shown_with_compartments_behind(plain):
    state = State(
        "eu-paris-1",
        int(NOON // 60) - 10,
        behind={"ocid1.compartment.oc1..b": BehindCompartment(int(NOON // 60) - 70, "404 [b]", 3)},
        known={"a": KnownCompartment("root", polled=True), "b": KnownCompartment("prod", polled=True), "c": KnownCompartment("old")},
        reconciled={1440: Reconciled(int(NOON // 60) - 2160), 60: Reconciled(int(NOON // 60) - 60, {"b": BehindCompartment(1, "404")})},
        seals=SealState(SealHead("n", 1234, "r1", "ab" * 32, "{}", stored=False, sent=1232)),
        lease=Lease("r2", NOON + 30),
        last={"run": "r1", "at": "2026-01-01T11:30:00.000Z", "forwarded": 1, "caught_up": False, "status": "partial"},
        tenancy="ocid1.tenancy.oc1..t",
        receiver=ReceiverId("tls://siem:6514", "0" * 64),
        adopted=Adoption(NOON - 60, "[red] SIEM", "receiver tls://old:6514"),
    )
    show_state(plain, "/var/[state]/eu", state, NOON)
    assert "after 60 minutes: the next window begins at 2026-01-01T11:00:00Z (60 minutes ago), 1 compartment behind\n" in printed(plain)
    assert rows(plain) == {
        "state": "/var/[state]/eu",
        "region": "eu-paris-1",
        "seal": "1,234 of run r1, not stored yet; 2 not sent",
        "through": "2026-01-01T11:50:00Z (10 minutes ago)",
        "compartments": "3 known, 2 polled",
        "lease": "run r2, expires in 30 seconds",
        "last run": "r1, ended 2026-01-01T11:30:00.000Z (30 minutes ago), 1 event forwarded, not caught up, status partial",
        "tenancy": "ocid1.tenancy.oc1..t",
        "receiver": "tls://siem:6514",
        "reconciliation": "after 1,440 minutes: the next window begins at 2025-12-31T00:00:00Z (36 hours ago)",
        "adopted": "2026-01-01T11:59:00.000Z, previously receiver tls://old:6514. Reason: [red] SIEM",
        "behind": "ocid1.compartment.oc1..b since 2026-01-01T10:50:00Z, 3 attempts: 404 [b]",
    }


@pytest.mark.parametrize(("lease", "expected"), [(None, "none"), (Lease("r2", NOON), "run r2, expired")])
def test_an_expired_or_missing_lease_is_shown(plain, lease, expected):
    show_state(plain, "s", State("eu-paris-1", 29454480, lease=lease), NOON)
    assert rows(plain)["lease"] == expected
    assert rows(plain)["last run"] == "none"
    assert "behind" not in rows(plain)


@pytest.mark.parametrize(
    ("duplicates", "line"),
    [
        (0, "1,200 events: 1,200 sent."),
        (1, "1,200 events (1 duplicate not counted): 1,200 sent."),
        (2345, "1,200 events (2,345 duplicates not counted): 1,200 sent."),
    ],
)
def test_a_rules_preview_ends_with_its_totals(plain, tty, capsys, duplicates, line):
    show_preview(plain, RulesPreview(Counter({("GetInstance", SENT): 1200}), duplicates), ())
    assert printed(plain) == "events\tevent type\toutcome\n1200\tGetInstance\tsent\n"
    assert capsys.readouterr().err == f"{line}\n"
    show_preview(tty, RulesPreview(Counter({("GetInstance", SENT): 1200}), duplicates), ())
    assert printed(tty).splitlines()[-1] == line


def test_settings_are_shown_with_defaults_and_warnings(plain, capsys):
    given = {"REGIONS": "eu-paris-1,eu-milan-1", "SYSLOG_TRANSPORT": "tcp", "STATE_PREFIX": "[red]x"}
    show_settings(plain, Settings.read({**REQUIRED, **given}), {}, [], ["RULES line 1: [odd]"])
    shown = rows(plain)
    assert {key: shown[key] for key in ("SYSLOG_HOST", "SYSLOG_PORT", "REGIONS", "STATE_PREFIX", "STATE_FILE", "OCI_AUTH")} == {
        "SYSLOG_HOST": "siem.example.com",
        "SYSLOG_PORT": "6514",
        "REGIONS": "eu-paris-1, eu-milan-1",
        "STATE_PREFIX": "[red]x",
        "STATE_FILE": "",
        "OCI_AUTH": "config_file",
    }
    assert capsys.readouterr().err == "RULES line 1: [odd]\nSettings are valid.\n"


def test_the_names_of_settings_are_whole_in_a_narrow_terminal():
    narrow = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    show_settings(narrow, Settings.read({**REQUIRED, "RULES": f"file:{'long' * 60}"}), {}, [], [])
    lines = printed(narrow).splitlines()
    assert {"SYSLOG_CONFIRM_DELAY_SECONDS", "METRICS_COMPARTMENT_OCID", "RULES"} <= {line.split()[0] for line in lines if line.strip()}
    assert max(map(len, lines)) <= 80


def test_settings_that_are_not_set_are_shown_with_what_applies_instead(plain):
    show_settings(plain, Settings.read({**REQUIRED, "METRICS_NAMESPACE": ""}), {}, [], [])
    shown = rows(plain)
    assert {key: shown[key] for key in shown if key in UNSET} == UNSET
    assert not {"SYSLOG_CLIENT_CERT", "SYSLOG_CLIENT_KEY", "RULES", "FIELD_MAP"} & set(shown)


UNSET = {
    "SYSLOG_CA": "the system trust store",
    "SYSLOG_SERVER_NAME": "siem.example.com",
    "SYSLOG_HOSTNAME": "the region that the event comes from",
    "STATE_FILE": "",
    "REGIONS": "all",
    "SEAL_MESSAGES": "true",
    "METRICS_NAMESPACE": "",
    "METRICS_COMPARTMENT_OCID": "the tenancy",
}


def test_settings_for_tls_are_empty_without_tls(plain):
    show_settings(plain, Settings.read({**REQUIRED, "SYSLOG_TRANSPORT": "tcp", "SEAL_MESSAGES": "true"}), {}, [], [])
    shown = rows(plain)
    assert (shown["SYSLOG_SERVER_NAME"], "SYSLOG_CA" in shown, shown["SEAL_MESSAGES"]) == ("", False, "true")


def test_texts_are_shown_at_their_place_without_their_content(plain):
    given = {"SYSLOG_CA": "vault:ocid1.vaultsecret.oc1..x", "RULES": "file:rules.json", "FIELD_MAP": "{}"}
    show_settings(plain, Settings.read({**REQUIRED, **given}), {}, ["SYSLOG_CA"], [])
    shown = rows(plain)
    assert (shown["RULES"], shown["FIELD_MAP"]) == ("file:rules.json", "set as text")
    names = list(shown)
    assert names.index("SYSLOG_CA") == names.index("SYSLOG_CONFIRM_DELAY_SECONDS") + 1


def test_certificates_are_summarized_and_no_key_is_shown(plain):
    authority = trustme.CA(organization_name="Example")
    now = datetime.now(UTC)
    soon = now + timedelta(days=30, hours=1)
    fresh = authority.issue_cert("fn.example.com", common_name="fn", organization_name="Us [red]", not_after=soon)
    stale = authority.issue_cert("fn.example.com", common_name="old", not_before=now - timedelta(9), not_after=now - timedelta(hours=1))
    cert, old, key = (blob.bytes().decode() for blob in (fresh.cert_chain_pems[0], stale.cert_chain_pems[0], fresh.private_key_pem))
    texts = {"SYSLOG_CLIENT_CERT": cert + old, "SYSLOG_CLIENT_KEY": key}
    wide = Console(file=io.StringIO(), width=300)
    show_settings(wide, Settings.read({**REQUIRED, **texts, "RULES": '{"event_filtering": {}}'}), texts, ["SYSLOG_CA"], [])
    assert "CN=fn," in rows(wide)["SYSLOG_CLIENT_CERT"]
    assert "O=Us [red]" in rows(wide)["SYSLOG_CLIENT_CERT"]
    assert ", 30 days left; " in rows(wide)["SYSLOG_CLIENT_CERT"]
    assert rows(wide)["SYSLOG_CLIENT_CERT"].endswith(", expired")
    assert rows(wide)["SYSLOG_CLIENT_KEY"] == "private key"
    assert rows(wide)["SYSLOG_CA"] == "not checked: the value is stored in OCI"
    for line in (*key.splitlines(), *cert.splitlines(), "event_filtering"):
        assert line not in printed(wide)


def test_an_invalid_certificate_is_a_configuration_error(plain):
    broken = "-----BEGIN CERTIFICATE-----\nhide\n-----END CERTIFICATE-----"
    with pytest.raises(ConfigError) as failed:
        show_settings(plain, Settings.read({**REQUIRED, "SYSLOG_CA": broken}), {"SYSLOG_CA": broken}, [], [])
    assert failed.value.problems == ("SYSLOG_CA: the certificate cannot be read, its text is incomplete or changed; copy it again",)
    assert "Settings are valid." not in printed(plain)


def test_a_wrapped_text_keeps_its_color_and_its_words():
    console = Console(file=io.StringIO(), width=20, force_terminal=True, color_system="standard", legacy_windows=False)
    print_wrapped(console, cell("  one two three four five six seven", "red"), 4)
    assert printed(console) == "\x1b[31m  one two three four\x1b[0m\n    \x1b[31mfive six seven\x1b[0m\n"
