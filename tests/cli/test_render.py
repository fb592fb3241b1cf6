"""``render``: messages and explanations, without OCI and without a receiver."""

import io
import json
import os
import pty
import subprocess
import sys

import pytest
from rich.console import Console
from typer.testing import CliRunner

from epimetheus.cli.app import app
from epimetheus.cli.console import print_message
from tests.run.test_rules_in_a_run import rules

STOP = {
    "eventType": "com.oraclecloud.ComputeApi.InstanceAction",
    "eventId": "e-1",
    "eventTime": "2026-03-02T08:15:30.120Z",
    "data": {
        "eventName": "InstanceAction",
        "compartmentId": "ocid1.compartment.oc1..c",
        "resourceId": "ocid1.instance.oc1..i",
        "identity": {"principalName": "zoë", "authType": "natf", "credentials": "ST$abc", "consoleSessionId": "csid1"},
        "request": {"parameters": {"action": ["STOP"]}, "headers": {"Authorization": ["Signature abc"]}},
        "response": {"status": "200"},
        "additionalDetails": {"shape": "VM.E5"},
    },
}
CEF = (
    '<133>1 2026-03-02T08:15:30.120Z unknown-region epimetheus - audit [epimetheus@32473 run="preview" seq="1"] '
    "CEF:0|Oracle|OCI Audit|2.0|com.oraclecloud.ComputeApi.InstanceAction|InstanceAction|5|rt=1772439330120 externalId=e-1 outcome=success "
    "suser=zoë act=STOP cat=ComputeApi destinationServiceName=ComputeApi cn1=200 cn1Label=httpStatus cs1=ocid1.instance.oc1..i "
    "cs1Label=resourceId cs3=ocid1.compartment.oc1..c cs3Label=compartmentId cs5=natf cs5Label=authType"
)
SECOND = CEF.replace('seq="1"', 'seq="2"')
FIELD_MAP = json.dumps({
    "formats": {
        "cef": {
            "rename": {"suser": "accountName"},
            "add": {
                "shape": "data.additionalDetails.shape",
                "image": "data.additionalDetails.image",
                "dvc": "data.additionalDetails.shape",
                "who": "epimetheus.actor",
                "where": "epimetheus.compartmentPath",
                "token": "data.identity.credentials",
            },
            "omit": ["destinationServiceName"],
        },
        "json": {"rename": {"data.eventName": "operation"}, "add": {"parameters": "data.request.parameters"}},
    }
})  # fmt: skip
ACCEPTED = "use JSON events from the Audit API, the OCI CLI or an SDK, Logging search, or Connector Hub"
ENVIRONMENT = {"SYSLOG_HOST": "", "STATE_FILE": "", "OCI_CONFIG_FILE": "/nowhere", "COLUMNS": "200"}


@pytest.fixture
def run_cli(monkeypatch):
    """Runs ``render --file -`` with these events on stdin. There is no OCI, no receiver and no state."""

    def run(*arguments, events, file="-", **environment):
        stdin = events if isinstance(events, bytes) else json.dumps(events).encode()
        return CliRunner().invoke(
            app, ["render", "--file", str(file), *arguments], input=stdin, env={**ENVIRONMENT, **environment}, catch_exceptions=False
        )

    return run


def rows(output):
    """The rows of all tables, without their headings."""
    found = [tuple(line.split("\t")) for line in output.splitlines() if "\t" in line]
    return [row for row in found if row != ("name in the message", "source", "value")]


def process(*arguments, stdin, **environment):
    return subprocess.run(
        [sys.executable, "-m", "epimetheus", "render", *arguments],
        input=json.dumps(stdin).encode(), capture_output=True, check=False, env={**os.environ, **ENVIRONMENT, **environment},
    )  # fmt: skip


@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
def test_a_process_prints_the_message_byte_for_byte_and_nothing_else(locale):
    done = process("--file", "-", stdin=STOP, LC_ALL=locale, PYTHONIOENCODING="latin-1", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{CEF}\n".encode(), b"")


def test_a_closed_pipe_does_not_end_the_command_with_a_traceback():
    command = [sys.executable, "-m", "epimetheus", "render", "--file", "-"]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    shell = subprocess.Popen(command, env={**os.environ, **ENVIRONMENT}, **pipes)
    shell.stdout.close()
    shell.stdin.write(json.dumps([STOP] * 50).encode())
    shell.stdin.close()
    stderr = shell.stderr.read()
    shell.stderr.close()
    assert (shell.wait(), stderr) == (0, b"")


def test_files_and_standard_input_are_read_like_the_files_of_rules_preview(run_cli, tmp_path):
    (tmp_path / "events.json").write_bytes(b"\xef\xbb\xbf" + json.dumps([STOP, STOP], indent=1).encode())
    lines = "\n\n".join([json.dumps(STOP)] * 2).encode()
    expected = f"{CEF}\n{SECOND}\n"
    assert run_cli(events=b"", file=tmp_path / "events.json").stdout == expected
    assert run_cli(events=lines).stdout == expected


def test_the_formats_are_printed_in_the_requested_order(run_cli):
    def bodies(*arguments, **environment):
        output = run_cli(*arguments, events=STOP, **environment).stdout
        return [line.partition("] ")[2][:12] for line in output.splitlines()]

    assert bodies() == ["CEF:0|Oracle"]
    assert bodies(FORMAT="leef") == ["LEEF:2.0|Ora"]
    assert bodies("--format", "ocsf", "--format", "cef", "--format", "ocsf", FORMAT="json") == ['{"class_uid"', "CEF:0|Oracle"]
    assert bodies("--format", "all") == ["CEF:0|Oracle", '{"eventType"', "LEEF:2.0|Ora", '{"class_uid"']


def test_the_settings_in_the_environment_apply(run_cli):
    changes = {"SYSLOG_HEADER": "rfc3164", "SYSLOG_FACILITY": "auth", "SYSLOG_APP_NAME": "oci", "REDACT": "data.identity.principalName"}
    severity = json.dumps({"severity": {"InstanceAction": 10}})
    output = run_cli(events=STOP, REGIONS="eu-zurich-1,uk-london-1", RULES=severity, **changes).stdout
    assert output.startswith("<35>Mar  2 08:15:30 eu-zurich-1 oci: CEF:0|Oracle|OCI Audit|2.0|")
    assert "|InstanceAction|10|" in output
    assert "suser=[redacted]" in output
    assert " sa-vinhedo-1 epimetheus " in run_cli("--region", "sa-vinhedo-1", events=STOP, REGIONS="eu-zurich-1").stdout
    assert '{"provider":"OCI","region":"unknown-region"' in run_cli("--format", "ocsf", events=STOP, REGIONS="all").stdout


def test_the_explanation_lists_decision_severity_redacted_paths_and_size(run_cli):
    result = run_cli("--explain", events=STOP)
    assert (result.exit_code, result.stdout) == (0, f"{CEF}\n")
    assert result.stderr.splitlines() == [
        "Event 1: com.oraclecloud.ComputeApi.InstanceAction, severity 5. It is sent.",
        "  Redacted in the event: data.identity.credentials, data.request.headers.Authorization",
        f"  cef: {len(CEF.encode())} bytes",
    ]


def test_the_explanation_lists_what_field_map_does_in_each_format(run_cli):
    result = run_cli("--explain", "--format", "cef", "--format", "json", events=STOP, FIELD_MAP=FIELD_MAP)
    assert rows(result.stderr) == [
        ("accountName", "renamed from suser (data.identity.principalName)", "zoë"),
        ("shape", "data.additionalDetails.shape", "VM.E5"),
        ("image", "data.additionalDetails.image", "no value: the event lacks it"),
        ("dvc", "data.additionalDetails.shape", "no value: dvc does not accept VM.E5"),
        ("who", "epimetheus.actor", "person"),
        ("where", "epimetheus.compartmentPath", "no value: it is available only from OCI"),
        ("token", "data.identity.credentials", "[redacted]"),
        ("destinationServiceName", "omitted", "not sent"),
        ("operation", "renamed from data.eventName", "InstanceAction"),
        ("parameters", "data.request.parameters", '{"action":["STOP"]}'),
    ]
    cef, raw_json = result.stdout.splitlines()
    assert " accountName=zoë " in cef
    assert cef.endswith(" shape=VM.E5 who=person token=[redacted]")
    assert raw_json.endswith(',"operation":"InstanceAction","parameters":{"action":["STOP"]}}')


def test_the_explanation_says_what_the_rules_decide(run_cli):
    def decision(**environment):
        return run_cli("--explain", events=STOP, **environment).stderr.splitlines()[0].removeprefix(f"Event 1: {STOP['eventType']}, ")

    excluding = rules(mode="exclude", excluded_events=["InstanceAction"])
    assert decision(RULES=excluding) == "severity 5. It is filtered by RULES: excluded_event."
    watched = decision(RULES=excluding, TAMPER_WATCH="ocid1.instance.oc1..i")
    assert watched == "severity 9. It is sent, because it names a resource in TAMPER_WATCH."


def test_the_explanation_reports_a_truncated_and_an_abridged_message(run_cli):
    large = {**STOP, "data": {**STOP["data"], "message": "m" * 900, "freeformTags": {"a": "x" * 1_100_000}}}
    truncated = {**STOP, "data": {**STOP["data"], "message": "m" * 900}}
    result = run_cli("--explain", events=[truncated, large], SYSLOG_MAX_BYTES="480", FIELD_MAP=FIELD_MAP)
    lines = [line for line in result.stderr.splitlines() if line.startswith(("Event", "  cef"))]
    assert [line.partition("bytes")[2] for line in lines] == [
        "", ", truncated to fit SYSLOG_MAX_BYTES; the message lists the trimmed fields",
        "", ", abridged: the event is too large, or takes too long to render",
    ]  # fmt: skip
    assert lines[2] == "Event 2: com.oraclecloud.ComputeApi.InstanceAction. It is sent."
    assert all(len(line.encode()) <= 480 for line in result.stdout.splitlines())


@pytest.mark.parametrize("depth", [60, 400])
def test_a_deeply_nested_event_is_explained(run_cli, depth):
    event = json.dumps(STOP)[:-2] + ', "payload": ' + '{"password": [' * depth + '"x"' + "]}" * depth + "}}"
    result = run_cli("--explain", "--format", "all", events=event.encode(), FIELD_MAP=FIELD_MAP)
    assert result.exit_code == 0
    assert result.stderr.startswith("Event 1: com.oraclecloud.ComputeApi.InstanceAction, severity 5. It is sent.\n")
    assert "  Redacted in the event: data.identity.credentials, data.request.headers.Authorization, data.payload." in result.stderr


def test_warnings_about_rules_and_field_map_are_printed_once(run_cli):
    replaced = json.dumps({"formats": {"cef": {"add": {"cs2": "epimetheus.actor"}}}})
    result = run_cli("--format", "cef", "--format", "json", events=STOP, FIELD_MAP=replaced, RULES=rules(mode="include"))
    assert [line.partition(":")[0] for line in result.stderr.splitlines()] == [
        "RULES line 1, event_filtering.mode", "FIELD_MAP line 1, formats.cef.add.cs2",
    ]  # fmt: skip


def test_a_malformed_event_is_sent_as_text_and_reported(run_cli):
    result = run_cli("--no-explain", events=[{"eventType": 7, "password": "x"}, STOP])
    assert result.exit_code == 1
    assert result.stderr == "Event 1 is malformed: it is not an audit event. A run sends its redacted text.\n"
    first, second = result.stdout.splitlines()
    assert first.endswith(' - malformed [epimetheus@32473 run="preview" seq="1"] {"eventType":7,"password":"[redacted]"}')
    assert second == SECOND


@pytest.mark.parametrize(
    ("arguments", "events", "environment", "problem"),
    [
        (("--format", "xml"), STOP, {}, "--format xml: expected cef, json, leef, ocsf, or all"),
        ((), b" \n", {}, f"--file -: the file is empty, as the OCI CLI leaves it if it finds no events; {ACCEPTED}"),
        ((), [], {}, f"--file -: the file contains no events; {ACCEPTED}"),
        ((), [{"a": 1}], {}, f"--file -: line 1, item 1 is not an audit event: it is an object with the key a; {ACCEPTED}"),
        (("--region", "a b"), STOP, {}, "--region a b: expected a region identifier like eu-frankfurt-1"),
        (
            (), STOP, {"RULES": "object:rules.json", "STATE_BUCKET": "b"},
            "RULES=object:rules.json: this command does not read from OCI; save the object to a file, and use file:PATH",
        ),
    ],
)  # fmt: skip
def test_errors_are_whole_sentences_with_exit_code_2(run_cli, arguments, events, environment, problem):
    result = run_cli(*arguments, events=events, **environment)
    assert (result.exit_code, result.stdout) == (2, "")
    subject = "configuration and run" if environment else "command and run it"
    assert result.stderr.splitlines() == [problem, f"Correct the {subject} again."]


def test_a_missing_file_is_named(run_cli, tmp_path):
    result = run_cli(events=b"", file=tmp_path / "none")
    assert (result.exit_code, "none: No such file or directory; use the path of a readable file" in result.stderr) == (2, True)


def test_on_a_terminal_the_explanation_is_the_default(tmp_path):
    (tmp_path / "event.json").write_text(json.dumps(STOP))
    command = [sys.executable, "-m", "epimetheus", "render", "--file", str(tmp_path / "event.json")]
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb"):
        environment = {**os.environ, **ENVIRONMENT, "TERM": "dumb"}
        done = subprocess.run(command, stdout=theirs, stderr=subprocess.PIPE, check=False, env=environment)
        os.close(theirs)
        shown = os.read(ours, 10_000).decode()
    assert (done.returncode, shown.rstrip()) == (0, CEF)
    assert done.stderr.decode().splitlines()[0] == "Event 1: com.oraclecloud.ComputeApi.InstanceAction, severity 5. It is sent."


class _Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_gets_no_control_characters():
    console = Console(file=_Terminal(), width=20, force_terminal=False)
    print_message(console, "a\x1b[2J\u202e [red]:100: b".encode())
    assert console.file.getvalue() == "a\\u001b[2J\\u202e [red]:100: b\n"
