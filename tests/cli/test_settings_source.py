"""Where settings come from: --env-file, --tfvars, --function and the environment, through the real command as a process."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from epimetheus.cli.deployed_function import region_of
from epimetheus.testing.oci import World, serve
from epimetheus.testing.oci.credentials import ApiKey
from epimetheus.testing.syslog import Authority, Receiver, receive
from tests.docs.test_cli_doc import COMMANDS
from tests.support.command import ROOT, run_command

PEM = "-----BEGIN CERTIFICATE-----\n"
VALID = "Settings are valid.\n"
TENANCY = "ocid1.tenancy.oc1..aaa"


def rows(output: str) -> dict[str, str]:
    """The settings that `validate` prints into a pipe."""
    return {name: value for name, _, value in (line.partition("\t") for line in output.splitlines())}


def write(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text, "utf-8")
    return name


def test_an_env_file_replaces_exporting(tmp_path):
    authority = Authority(tmp_path / "authority")
    certificate = authority.ca.read_text()
    text = f'# production\nexport SYSLOG_HOST="siem.example.com"\nSYSLOG_CA="{certificate}"\n'
    text += "STATE_BUCKET=audit # ours\nMETRICS_NAMESPACE=\n"
    done = run_command("validate", "--env-file", write(tmp_path, "prod.env", text), folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, VALID)
    shown = rows(done.stdout)
    assert (shown["SYSLOG_HOST"], shown["STATE_BUCKET"]) == ("siem.example.com", "audit")
    assert "days left" in shown["SYSLOG_CA"]


def test_a_configuration_from_a_file_may_be_larger_than_that_of_a_function(tmp_path):
    redact = ",".join(f"data.additionalDetails.field{number}" for number in range(200))
    file = write(tmp_path, "large.env", f"SYSLOG_HOST=siem\nSTATE_BUCKET=b\nREDACT={redact}\n")
    done = run_command("validate", "--env-file", file, folder=tmp_path)
    assert done.returncode == 0
    assert "Too large for a function: All keys and values together take" in done.stdout + done.stderr


def test_errors_in_a_file_are_reported_with_all_others_and_without_values(tmp_path):
    text = f"SYSLOG_HSOT=hunter2secret\nSYSLOG_PORT=0\nREGION=hunter2\nSYSLOG_CLIENT_KEY='{PEM}hunter2'\nPATH=/x\nCOMPOSE_PROJECT_NAME=a\n"
    done = run_command("validate", "--env-file", write(tmp_path, "prod.env", text), folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[:4] == [
        "prod.env: Unknown setting SYSLOG_HSOT. Did you mean SYSLOG_HOST?",
        "prod.env: Unknown setting REGION. Did you mean REGIONS?",
        "SYSLOG_HOST is required: set it to a host name or an IP address, without a port",
        "SYSLOG_PORT=0: expected an integer from 1 to 65535",
    ]
    assert "hunter2" not in done.stderr


def test_the_settings_of_a_terraform_file(tmp_path):
    text = 'syslog_host = "siem.example.com"\nregions = ["eu-frankfurt-1", "us-ashburn-1"]\nseal_messages = true\ncompartment_ocid = "c"\n'
    text = text.replace('"c"', '"ocid1.compartment.oc1..aaa"') + 'image = "i"\nregion = "eu-frankfurt-1"\nname = "audit"\n'
    done = run_command("validate", "--tfvars", write(tmp_path, "terraform.tfvars", text), folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, VALID)
    shown = rows(done.stdout)
    assert [shown[key] for key in ("SYSLOG_HOST", "REGIONS", "SEAL_MESSAGES", "STATE_BUCKET", "METRICS_COMPARTMENT_OCID")] == [
        "siem.example.com", "eu-frankfurt-1, us-ashburn-1", "true", "audit", "ocid1.compartment.oc1..aaa",
    ]  # fmt: skip
    done = run_command("validate", "--tfvars", write(tmp_path, "x.tfvars", 'syslog_host = "hunter2\n'), folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("--tfvars x.tfvars line 1: the string does not end on this line")
    assert "hunter2" not in done.stderr


def test_an_unreadable_file_does_not_hide_the_other_errors(tmp_path):
    """What is missing may be in the file that cannot be read, so it is no error."""
    broken = write(tmp_path, "terraform.tfvars", 'syslog_host = "siem\n')
    environment = {"SYSLOG_PORT": "0", "FORMAT": "xml"}
    done = run_command("validate", "--tfvars", broken, environment=environment, folder=tmp_path)
    assert done.returncode == 2
    first, *others, advice = done.stderr.splitlines()
    assert first.startswith("--tfvars terraform.tfvars line 1: ")
    assert [line.partition(":")[0] for line in others] == ["SYSLOG_PORT=0", "FORMAT=xml"]
    assert advice.startswith("Correct ")
    text = 'syslog_hsot = "siem"\nsyslog_port = 0\nregions = "iad"\n'
    done = run_command("validate", "--tfvars", write(tmp_path, "typo.tfvars", text), folder=tmp_path)
    assert done.stderr.splitlines()[:4] == [
        "typo.tfvars: unknown variable syslog_hsot. Did you mean syslog_host?",
        "typo.tfvars: regions has a value of another type; expected a list of strings",
        "SYSLOG_HOST is required: set it to a host name or an IP address, without a port",
        "SYSLOG_PORT=0: expected an integer from 1 to 65535",
    ]


def test_the_key_that_create_vault_stores_is_not_missing(tmp_path):
    text = f'syslog_host = "siem"\ncreate_vault = true\nsyslog_client_cert = "object:client.pem"\ntenancy_ocid = "{TENANCY}"\n'
    file = write(tmp_path, "terraform.tfvars", text)
    done = run_command("validate", "--tfvars", file, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, VALID)
    assert rows(done.stdout)["SYSLOG_CLIENT_KEY"] == "not checked: the value is stored in OCI"
    for command in (("run",), ("replay", "--from", "2h", "--to", "1h", "--yes")):
        done = run_command(*command, "--tfvars", file, folder=tmp_path)
        why = "with create_vault, only the deployed function knows the secret; use --function OCID, or set SYSLOG_CLIENT_KEY here"
        assert (done.returncode, done.stderr.splitlines()[0]) == (2, f"SYSLOG_CLIENT_KEY: {why}")


def test_precedence_environment_env_file_tfvars_function(tmp_path, deployment):
    env = write(tmp_path, "prod.env", "SYSLOG_PORT=2\nFORMAT=leef\nSTATE_PREFIX=\n")
    tfvars = write(tmp_path, "a.tfvars", 'syslog_port = 3\nformat = "json"\nlog_level = "error"\nname = "t"\n')
    function = deployment.function({"SYSLOG_PORT": "4", "FORMAT": "ocsf", "LOG_LEVEL": "debug", "STATE_PREFIX": "p/", "STATE_BUCKET": "f"})
    arguments = ("--env-file", env, "--tfvars", tfvars, "--function", function)
    done = run_command("validate", *arguments, environment={**deployment.environment, "SYSLOG_PORT": "1"}, folder=tmp_path)
    assert done.stderr == "The environment overrides SYSLOG_PORT.\n" + VALID
    shown = rows(done.stdout)
    assert [shown[key] for key in ("SYSLOG_PORT", "FORMAT", "LOG_LEVEL", "STATE_PREFIX", "STATE_BUCKET", "SYSLOG_HOST")] == [
        "1", "leef", "error", "p/", "t", "siem.example.com",
    ]  # fmt: skip
    assert done.returncode == 0


@pytest.mark.parametrize("name", ["REGION", "LOGLEVEL", "RULE", "region", "FORMATS", "SYSLOG_NG_OPTIONS"])
def test_generic_names_of_other_programs_do_not_disturb_a_command(tmp_path, name):
    environment = {"SYSLOG_HOST": "siem", "STATE_FILE": "s", name: "hunter2"}
    done = run_command("validate", environment=environment, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, VALID)


def test_a_name_in_the_environment_that_resembles_a_setting_is_ignored_with_a_note(tmp_path):
    environment = {"SYSLOG_HOST": "siem", "STATE_FILE": "s", "TENANCY_ID": "hunter2"}
    done = run_command("validate", environment=environment, folder=tmp_path)
    assert done.returncode == 0
    assert done.stderr == "Ignored TENANCY_ID in the environment: it is not a setting. Did you mean TENANCY_OCID?\n" + VALID


def test_a_misspelled_syslog_variable_in_the_environment_is_an_error(tmp_path):
    done = run_command("validate", environment={"SYSLOG_HSOT": "siem", "STATE_FILE": "s"}, folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("Unknown setting SYSLOG_HSOT. Did you mean SYSLOG_HOST?\nSYSLOG_HOST is required")


def test_words_are_accepted_in_any_case(tmp_path):
    environment = {"LOG_LEVEL": "DEBUG", "FORMAT": "CEF", "SYSLOG_TRANSPORT": "Tls", "SYSLOG_FACILITY": "LOCAL4", "SEAL_MESSAGES": "TRUE"}
    environment |= {"REGIONS": "EU-Frankfurt-1", "SYSLOG_HOST": "siem", "STATE_FILE": "State"}
    shown = rows(run_command("validate", environment=environment, folder=tmp_path).stdout)
    assert [shown[key] for key in environment] == ["debug", "cef", "tls", "local4", "true", "eu-frankfurt-1", "siem", "State"]


@dataclass
class Deployment:
    """A stand-in OCI over HTTP, a receiver and its settings, and the environment of a person whose profile names another region."""

    world: World
    receiver: Receiver
    reachable: dict[str, str]
    environment: dict[str, str]

    def function(self, changes: dict[str, str] | None = None, application: dict[str, str] | None = None) -> str:
        config = {"SYSLOG_HOST": "siem.example.com", "STATE_BUCKET": "audit-state", "METRICS_NAMESPACE": ""}
        return self.world.deploy_function({**config, "OCI_AUTH": "resource_principal", **(changes or {})}, application)


@pytest.fixture
def deployment(tmp_path: Path, api_key: ApiKey) -> Iterator[Deployment]:
    world = World("eu-frankfurt-1", page_size=50, api_key=api_key)
    world.bucket("audit-state")
    authority = Authority(tmp_path / "siem")
    credentials = world.credentials(tmp_path, "us-phoenix-1")
    with receive(authority) as receiver, serve(world) as served:
        environment = {"OCI_ENDPOINT": served.url, "OCI_CONFIG_FILE": str(credentials)}
        reachable = {"SYSLOG_HOST": "localhost", "SYSLOG_PORT": str(receiver.port), "SYSLOG_CA": authority.ca.read_text()}
        yield Deployment(world, receiver, reachable, environment)


def test_a_command_takes_the_settings_of_a_deployed_function(tmp_path, deployment):
    function = deployment.function({**deployment.reachable, "LISTING_MINUTES": "0"}, {"SYSLOG_PORT": "1", "FORMAT": "json", "FN_X": "y"})
    now = time.time()
    ids = deployment.world.emit(deployment.world.tenancy, 3, now - 1200, now - 600)
    done = run_command("run", "--json", "--function", function, environment=deployment.environment, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    (report,) = json.loads(done.stdout)
    assert (report["status"], report["region"], report["forwarded"]) == ("ok", "eu-frankfurt-1", 3)
    assert len(deployment.receiver.messages) == 4  # with the seal
    assert ids[0].encode() in deployment.receiver.messages[0]
    assert b"{" in deployment.receiver.messages[0]  # FORMAT of the application
    assert [name for name in deployment.world.objects("audit-state") if name.endswith("eu-frankfurt-1.state")]
    shown = run_command("state", "show", "--json", "--function", function, environment=deployment.environment, folder=tmp_path)
    assert (shown.returncode, json.loads(shown.stdout)["region"]) == (0, "eu-frankfurt-1")
    checked = run_command("health", "--json", "--function", function, environment=deployment.environment, folder=tmp_path)
    assert [one["what"] for one in json.loads(checked.stdout)["checks"] if one["name"] == "regions"] == ["A run reads eu-frankfurt-1."]


def test_an_error_in_the_configuration_of_a_function_is_an_error(tmp_path, deployment):
    function = deployment.function({"REGION": "hunter2", "SYSLOG_PORT": "0"})
    done = run_command("validate", "--function", function, environment=deployment.environment, folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines()[:2] == [
        "--function: Unknown setting REGION. Did you mean REGIONS?",
        "SYSLOG_PORT=0: expected an integer from 1 to 65535",
    ]


def test_a_function_does_not_choose_files_or_endpoints_of_this_machine(tmp_path, deployment):
    state, secret = tmp_path / "state", tmp_path / "secret.txt"
    secret.write_text("hunter2")
    references = dict.fromkeys(("RULES", "FIELD_MAP"), f" file:{secret}")
    function = deployment.function({"OCI_ENDPOINT": "https://evil.example.com", "STATE_FILE": str(state), **references})
    done = run_command("validate", "--function", function, environment=deployment.environment, folder=tmp_path)
    assert done.returncode == 0
    why = "on this machine, it would have another effect. Set it here if you need it."
    ignored = ("STATE_FILE", "RULES", "FIELD_MAP", "OCI_ENDPOINT")
    assert done.stderr.splitlines() == [*(f"Ignored {name} of the function: {why}" for name in ignored), "Settings are valid."]
    shown = rows(done.stdout)
    assert (shown["STATE_FILE"], shown["STATE_BUCKET"]) == ("", "audit-state")


def test_a_function_that_cannot_be_read(tmp_path, deployment):
    absent = deployment.function() + "x"
    done = run_command("validate", "--function", absent, environment=deployment.environment, folder=tmp_path)
    assert done.returncode == 2
    assert "Reading the function ocid1.fnfunc.oc1.eu-frankfurt-1." in done.stderr
    assert "Allow group YOUR_GROUP to read functions-family in compartment COMPARTMENT_OF_THE_FUNCTION." in done.stderr
    done = run_command("validate", "--function", "epimetheus", environment=deployment.environment, folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("--function epimetheus: expected the OCID of a function (ocid1.fnfunc…)\n")


@pytest.mark.parametrize(
    ("ocid", "region"),
    [
        ("ocid1.fnfunc.oc1.iad.aaa", "us-ashburn-1"),
        ("ocid1.fnfunc.oc1.eu-madrid-1.aaa", "eu-madrid-1"),
        ("ocid1.fnfunc.oc1..aaa", ""),
    ],
)
def test_the_region_of_an_ocid(ocid, region):
    assert region_of(ocid) == region


def test_every_command_that_uses_settings_has_the_options():
    without = {name for name, command in COMMANDS.items() if "--env-file" not in {option for one in command.params for option in one.opts}}
    assert without == {"demo", "seal keygen"}


def test_commands_read_the_environment_through_their_settings_source_only():
    readers = [path.name for path in (ROOT / "epimetheus" / "cli").glob("*.py") if "os.environ" in path.read_text("utf-8")]
    assert readers == ["settings_source.py"]
