"""Errors that lead: what a person has, and what the real command prints. No secret, no Python, no cut links.

One test of each kind starts a process; the others run the same command in this one, which takes a tenth of the time.
"""

import os
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from epimetheus.cli.app import app
from epimetheus.testing.oci import World, serve
from epimetheus.testing.syslog import Authority, receive
from tests.oci_client.test_config_file import line, session
from tests.support.harness import restored_logging
from tests.support.warm import command_words

ROOT = Path(__file__).parents[2]
NETWORK = "Check OCI_ENDPOINT, the proxy, and the route from the subnet to OCI (service gateway)."


class Done(NamedTuple):
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


class Machine:
    """A machine with OCI over HTTP, a receiver, and a configuration file."""

    def __init__(self, folder, world, url, receiver, authority):
        self.folder, self.world, self.receiver = folder, world, receiver
        self.config = world.credentials(folder)
        self.environment = {
            "PATH": os.defpath,
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT),
            "COLUMNS": "200",
            "OCI_CONFIG_FILE": str(self.config),
            "OCI_ENDPOINT": url,
            "STATE_BUCKET": "audit",
            "SYSLOG_HOST": "localhost",
            "SYSLOG_PORT": str(receiver.port),
            "SYSLOG_CA": f"file:{authority.ca}",
            "SYSLOG_TIMEOUT_SECONDS": "2",
        }

    def start(self, *arguments, stdout=subprocess.PIPE, **changes):
        """Run the command as a process."""
        command = command_words(*arguments)
        environment = {**self.environment, **changes}
        done = subprocess.run(command, env=environment, cwd=ROOT, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
        return self.checked(done.returncode, done.stdout or "", done.stderr)

    def run(self, *arguments, **changes):
        """Run the command in this process."""
        with restored_logging():
            done = CliRunner().invoke(app, arguments, env={**self.environment, "SYSLOG_TRANSPORT": None, **changes}, catch_exceptions=False)
        return self.checked(done.exit_code, done.stdout, done.stderr)

    def checked(self, code, stdout, stderr):
        assert not re.search(r"Traceback|\bRequestException|\b\w+Error\b[:(]|\{'", stdout + stderr), stdout + stderr
        return Done(code, stdout, stderr)


@pytest.fixture
def machine(tmp_path, api_key):
    world = World(api_key=api_key)
    world.bucket("audit")
    authority = Authority(tmp_path / "authority")
    with serve(world) as served, receive(authority) as receiver:
        yield Machine(tmp_path, world, served.url, receiver, authority)


def said(done):
    return (done.returncode, done.stderr.splitlines())


def test_oci_out_of_reach_is_reported_with_host_and_cause(machine):
    code, lines = said(machine.start("run", "--timeout", "12s", OCI_ENDPOINT="http://127.0.0.1:1"))
    assert (code, lines[-2:]) == (
        2, ["Reading the Object Storage namespace failed: connecting to 127.0.0.1:1 failed: Connection refused.", NETWORK]
    )  # fmt: skip
    assert "STATE_NAMESPACE" not in "".join(lines)
    code, lines = said(machine.run("run", "--timeout", "12s", OCI_ENDPOINT="https://oci.invalid"))
    assert (code, lines[-1]) == (2, NETWORK)
    assert lines[-2].startswith("Reading the Object Storage namespace failed: connecting to oci.invalid:443 failed: ")


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda text: text.replace("[DEFAULT]\n", ""), "line 1 comes before any profile; begin the file with a line such as [DEFAULT]."),
        (line("user", None), "user is missing."),
        (line("region", "region=ashburn"), "region=ashburn: expected a region identifier such as eu-frankfurt-1"),
    ],
    ids=["no section", "no user", "no region"],
)
def test_a_configuration_file_that_cannot_be_used_is_explained(machine, change, what):
    machine.config.write_text(change(machine.config.read_text()))
    code, lines = said(machine.run("run"))
    assert (code, len(lines)) == (2, 2)
    assert lines[0].startswith("Loading the credentials for OCI_AUTH=config_file failed: ")
    assert what in lines[0]


@pytest.mark.parametrize("form", ["session token", "BOM and region key", "quotes and comments"])
def test_a_configuration_file_as_people_have_it_works(machine, form):
    if form == "session token":
        session(machine.world, machine.config)
    elif form == "BOM and region key":
        machine.config.write_text("\ufeff" + line("region", "region=iad")(machine.config.read_text()))
    else:
        machine.config.write_text(line("region", 'region="us-ashburn-1"   # home region')(machine.config.read_text()))
    start = machine.start if form == "session token" else machine.run
    done = start("run", "--timeout", "1m", INITIAL_LOOKBACK_HOURS="1")
    assert done.returncode == 0, done.stderr
    assert "us-ashburn-1 ok: " in done.stdout
    assert [name for name in machine.world.objects("audit") if name.endswith(".state")] == ["epimetheus/us-ashburn-1.state"]


def test_health_names_the_statement_that_each_denied_call_needs(machine):
    for operation in ("ListEvents", "ListCompartments", "GetObject", "PostMetricData", "ListRegionSubscriptions"):
        machine.world.faults.add("status", status=404, operation=operation, times=None)
    done = machine.run("health", "--timeout", "30s")
    assert done.returncode == 2
    statements = re.findall(r"add this statement: (.*)$", done.stdout, re.MULTILINE)
    permissions = ", ".join(f"request.permission='OBJECT_{name}'" for name in ("READ", "CREATE", "OVERWRITE"))
    assert statements == [
        "Allow group NAME to inspect compartments in tenancy",
        "Allow group NAME to read audit-events in tenancy",
        f"Allow group NAME to manage objects in tenancy where all {{target.bucket.name='audit', any {{{permissions}}}}}",
        "Allow group NAME to inspect tenancies in tenancy",
        "Allow group NAME to use metrics in tenancy where target.metrics.namespace='epimetheus'",
    ]


def test_a_run_that_cannot_list_the_regions_names_the_statement(machine):
    machine.world.faults.add("status", status=404, operation="ListRegionSubscriptions", times=None)
    done = machine.start("run", "--timeout", "1m", INITIAL_LOOKBACK_HOURS="1")
    assert done.returncode == 1
    assert "us-ashburn-1 partial: " in done.stdout
    assert "Only us-ashburn-1 is read, because the subscribed regions are not known." in done.stdout
    assert "Allow group NAME to inspect tenancies in tenancy" in done.stdout


def test_an_unusable_receiver_is_explained(machine, tmp_path):
    authority = Authority(tmp_path / "other")
    environment = {"SYSLOG_CA": f"file:{authority.ca}", "INITIAL_LOOKBACK_HOURS": "1"}
    machine.world.emit(machine.world.tenancy, 1, machine.world.now() - 1200, machine.world.now() - 1100)
    with receive(authority, expired=True) as receiver:
        done = machine.run("run", "--timeout", "1m", SYSLOG_PORT=str(receiver.port), **environment)
    assert done.returncode == 2
    assert "is not trusted: it expired at 2001-01-01T00:00:00.000Z. Have the operator of the receiver renew it." in done.stderr
    with receive(authority, names=("siem.example.com",)) as receiver:
        done = machine.run("run", "--timeout", "1m", SYSLOG_PORT=str(receiver.port), **environment)
    assert "Hostname mismatch, certificate is not valid for 'localhost'. Its names are siem.example.com." in done.stderr
    done = machine.run("run", "--timeout", "1m", SYSLOG_CA=None, INITIAL_LOOKBACK_HOURS="1")
    assert "SYSLOG_CA is not set, so the system's trust store was used." in done.stderr
    done = machine.run("run", "--timeout", "1m", SYSLOG_CA=None, SYSLOG_TRANSPORT="tcp", INITIAL_LOOKBACK_HOURS="1")
    assert (done.returncode, "set SYSLOG_TRANSPORT=tls." in done.stderr) == (2, True)


def test_a_full_disk_is_reported(machine, tmp_path):
    with open("/dev/full", "w") as full:
        done = machine.start("validate", "--json", stdout=full)
    assert said(done) == (0, ["Writing the output failed: No space left on device. The output is incomplete."])


ARGUMENTS = {
    ("runs", "--since", "3 weeks"): "--since 3 weeks: expected a duration before now from 1m to 365d, such as 24h",
    ("runs", "--log", "x"): "--log x: expected COMPARTMENT_OCID, COMPARTMENT_OCID/LOG_GROUP, or COMPARTMENT_OCID/LOG_GROUP/LOG",
    ("rules", "preview", "--file", "/nowhere.json"): "--file /nowhere.json: No such file or directory; use the path of a readable file",
    ("state", "rewind", "yesterday"): "TIME=yesterday: ",
    ("state", "rewind", "2999-01-01T00:00:00Z"): "TIME=2999-01-01T00:00:00Z: the time is in the future; use a past time, or add --future",
    ("state", "show", "--region", "iad1"): "--region iad1: expected a region identifier such as eu-frankfurt-1",
    ("state", "import", "--marker", "/nowhere.json", "--margin", "soon"): "--margin soon: expected a duration from 0s to 365d, such as 1h",
    ("state", "own-address", "here"): "ADDRESS=here: expected the IPv4 or IPv6 address in the warning",
}


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=" ".join)
def test_after_an_invalid_argument_the_advice_is_about_the_command(arguments):
    environment = {"SYSLOG_HOST": "siem", "STATE_BUCKET": "audit", "STATE_FILE": None, "COLUMNS": "200"}
    result = CliRunner().invoke(app, arguments, env=environment, catch_exceptions=False)
    problem, advice = result.stderr.splitlines()
    assert problem.startswith(ARGUMENTS[arguments])
    assert (result.exit_code, advice) == (2, "Correct the command and run it again.")
