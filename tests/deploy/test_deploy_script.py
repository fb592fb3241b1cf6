"""scripts/deploy.sh with stand-ins for oci, docker and terraform: what it calls, what it says where one fails, and that it goes on.

And what docs/ tell about deploying and operating: that it is there.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import command_line

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "deploy.sh"
COMPARTMENT = "ocid1.compartment.oc1..aa"
FUNCTION = "ocid1.fnfunc.oc1.eu-frankfurt-1.aa"
SEARCH = 'search "ocid1.compartment.oc1..aa/ocid1.loggroup.oc1..aa/ocid1.log.oc1..aa" | sort by datetime desc'
DIGEST = "sha256:" + "5" * 64
WAITING = ("--poll", "0", "--wait", "10")
USUAL = ("--compartment", COMPARTMENT, "--region", "eu-frankfurt-1", *WAITING)
BASICS = ("bash", "cat", "date", "dirname", "env", "mktemp", "rm", "sed", "sleep", "tr", "wc")

# One program, called by three names: notes its call, fails where FAIL says so, and remembers in DONE what was done.
FAKE = r"""#!/usr/bin/env bash
call="${0##*/} $*"
printf '%s\n' "$call" >>"$CALLS"
if [[ $FAIL && $call == *"$FAIL"* ]]; then echo "it said no" >&2; exit 1; fi
case $call in
    "oci iam region-subscription list"*) [[ $call == *eu-frankfurt-1* ]] && echo FRA || true ;;
    *"os ns get"*) echo tenant ;;
    *"repository list"*) [[ ! -e $DONE/repository ]] || echo ocid1.containerrepo.oc1..aa ;;
    *"repository create"*) : >"$DONE/repository" ;;
    *"image list"*) [[ ! -e $DONE/pushed ]] || cat "$DONE/digest" ;;
    "docker image inspect"*) [[ -e $DONE/built ]] ;;
    "docker build"*) : >"$DONE/built" ;;
    "docker push"*) : >"$DONE/pushed" ;;
    "terraform"*" plan "*"-detailed-exitcode"*) [[ -e $DONE/applied ]] || exit 2 ;;
    "terraform"*" apply "*) : >"$DONE/applied" ;;
    "terraform"*" state list"*) cat "$DONE/resources" ;;
    "terraform"*" state rm "*) sed -i "/^${call##* state rm }\$/d" "$DONE/resources" 2>/dev/null || true ;;
    "terraform"*" destroy "*) if [[ -e $DONE/in-use ]]; then rm "$DONE/in-use"; echo "409-Conflict" >&2; exit 1; fi ;;
    *"output -json bucket"*) echo '"epimetheus"' ;;
    *"output -json ledger_bucket"*) echo '"epimetheus-ledger"' ;;
    *"output -json function_ocid"*) cat "$DONE/function_ocid" ;;
    *"output -json log_searches"*) cat "$DONE/log_searches" ;;
    *"search-logs"*) cat "$DONE/log" ;;
esac
"""


class Deployment:
    """A machine with the stand-ins, and what has been done so far."""

    def __init__(self, folder):
        self.bin, self.done, self.work, self.calls = folder / "bin", folder / "done", folder / "work", folder / "calls"
        self.folder = folder / "terraform"
        for made in (self.bin, self.done, self.work, self.folder):
            made.mkdir()
        for name in BASICS:
            (self.bin / name).symlink_to(shutil.which(name))
        (self.bin / "python3").symlink_to(Path(sys.executable).resolve())
        for name in ("oci", "docker", "terraform"):
            (self.bin / name).write_text(FAKE)
            (self.bin / name).chmod(0o755)
        (self.done / "digest").write_text(DIGEST + "\n")
        (self.done / "function_ocid").write_text(json.dumps(FUNCTION))
        (self.done / "log_searches").write_text(json.dumps({"everything": SEARCH, "runs": "another"}))
        self.log(line())

    def log(self, *data):
        """What a search of the log finds from now on: the data of its entries."""
        results = [{"data": {"datetime": 1, "logContent": {"data": one, "type": "com.oraclecloud.functions.application"}}} for one in data]
        (self.done / "log").write_text(json.dumps({"data": {"results": results}}))

    def run(self, *more, fail="", answer="", arguments=USUAL):
        """Its exit code, what it wrote, and the calls it made."""
        self.calls.write_text("")
        environment = {"PATH": str(self.bin), "CALLS": str(self.calls), "DONE": str(self.done), "FAIL": fail, "TMPDIR": str(self.work)}
        chosen = () if "--terraform" in more else ("--terraform", str(self.folder))
        command = ["bash", str(SCRIPT), *chosen, *arguments, *more]
        done = subprocess.run(command, env=environment, input=answer, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr, self.calls.read_text().splitlines()


@pytest.fixture
def machine(tmp_path):
    return Deployment(tmp_path)


def line(status="ok", level="INFO", message="eu-frankfurt-1 ok: 12 forwarded"):
    return {"time": "2026-11-24T10:00:00.000Z", "level": level, "event": "run", "message": message, "report": {"status": status}}


def steps(calls):
    """What changes anything, in a few words."""
    words = ("repository create", "docker build", "docker push", " apply ", "function invoke")
    return [word.strip() for call in calls for word in words if word in call]


def test_from_nothing_to_the_report_of_the_first_run(machine):
    code, out, err, calls = machine.run("--yes")
    assert (code, err) == (0, "")
    assert steps(calls) == ["repository create", "docker build", "docker push", "apply", "function invoke"]
    assert "eu-frankfurt-1 ok: 12 forwarded" in out
    assert '"status": "ok"' in out
    assert out.endswith("== Done\n")


def test_what_it_asks_of_each_tool(machine):
    _, _, _, calls = machine.run("--yes", "--platform", "linux/arm64", "--base", "python:3.11.14-slim-bookworm@sha256:12")
    image = re.escape("fra.ocir.io/tenant/epimetheus:") + r"\d+\.\d+\.\d+-[0-9a-f]{12}"
    text = "\n".join(calls)
    chosen = "docker build --platform linux/arm64 --build-arg BASE=python:3.11.14-slim-bookworm@sha256:12 --tag "
    assert re.search(f"^{re.escape(chosen)}{image} {re.escape(str(ROOT))}$", text, re.M)
    assert re.search(f"^docker push {image}$", text, re.M)
    answers = (machine.folder / "deploy.auto.tfvars").read_text()
    given = rf'compartment_ocid = "{COMPARTMENT}"\nregion = "eu-frankfurt-1"\nimage = "{image}"\nimage_digest = "{DIGEST}"\n$'
    assert re.search(given, answers)
    detached = f"oci --region eu-frankfurt-1 fn function invoke --function-id {FUNCTION} --fn-invoke-type detached --body {{}} --file -"
    assert detached in calls
    assert f"logging-search search-logs --search-query {SEARCH} --time-start" in text
    assert "repository create --compartment-id ocid1.compartment.oc1..aa --display-name epimetheus --is-public false" in text


def test_what_it_asks_of_terraform_is_what_the_module_has():
    script, module = SCRIPT.read_text(), ROOT / "terraform" / "stack"
    (kept,) = re.findall(r"""printf '%s = "%s"\\n' (.*)$""", script, re.M)
    names = set(re.findall(r"\w+_?\w+(?= \")", kept))
    assert names == {"compartment_ocid", "region", "image", "image_digest"}
    assert names <= set(re.findall(r'^variable "(\w+)"', (module / "variables.tf").read_text(), re.M))
    outputs = (ROOT / "terraform" / "outputs.tf").read_text()
    assert set(re.findall(r"\$\(output (\w+)", script)) <= set(re.findall(r'^output "(\w+)"', outputs, re.M))
    assert re.search(r"^ +everything += ", outputs.partition('output "log_searches"')[2].partition("\noutput")[0], re.M)


FAILURES = [
    ("region-subscription list", 3, "The OCI CLI is not logged in", []),
    ("os ns get", 3, "Cannot read the Object Storage namespace.", []),
    ("docker login", 3, "Run 'docker login fra.ocir.io' as user tenant/USER", []),
    ("repository list", 4, "Cannot list the repositories of the registry.", []),
    ("repository create", 4, "Cannot create the repository", []),
    ("image list", 6, "Cannot list the images of the registry.", ["repository create"]),
    ("docker build", 5, "Cannot build the image.", ["repository create"]),
    ("docker push", 6, "Cannot push the image.", ["repository create", "docker build"]),
    (" init ", 7, "terraform init failed", ["repository create", "docker build", "docker push"]),
    (" plan ", 7, "terraform plan failed", ["repository create", "docker build", "docker push"]),
    (" apply ", 7, "terraform apply failed", ["repository create", "docker build", "docker push"]),
    ("output -json", 7, "has no output function_ocid", ["repository create", "docker build", "docker push", "apply"]),
    ("function invoke", 8, "Cannot start the function.", ["repository create", "docker build", "docker push", "apply"]),
    ("search-logs", 9, "Cannot search the log.", ["repository create", "docker build", "docker push", "apply", "function invoke"]),
]


@pytest.mark.parametrize(("fail", "code", "says", "done"), FAILURES, ids=[each[0].strip() for each in FAILURES])
def test_a_step_that_fails_says_so_in_one_line_and_the_next_try_goes_on_from_there(machine, fail, code, says, done):
    found, _, err, calls = machine.run("--yes", fail=fail)
    ours = [told for told in err.splitlines() if told.startswith("deploy.sh: ")]
    assert (found, len(ours)) == (code, 1), err
    assert says in ours[0]
    assert [step for step in steps(calls) if step != fail.strip()] == done
    found, _, _, calls = machine.run("--yes")
    assert found == 0
    once = [step for step in ("repository create", "docker build", "docker push", "apply") if step not in done]
    assert steps(calls) == [*once, "function invoke"]


def test_run_again_it_changes_nothing_and_runs_the_function_again(machine):
    machine.run("--yes")
    code, out, _, calls = machine.run()
    assert (code, steps(calls)) == (0, ["function invoke"])
    assert "The image is already in the registry." in out
    assert "No changes." in out


def test_nothing_is_applied_unless_somebody_says_yes(machine):
    code, _, err, calls = machine.run(answer="no\n")
    assert (code, "apply" in steps(calls)) == (7, False)
    assert "The plan was not applied." in err
    assert machine.run(answer="")[0] == 7
    code, _, _, calls = machine.run(answer="yes\n")
    assert (code, steps(calls)) == (0, ["apply", "function invoke"])


def test_the_run_can_be_left_out(machine):
    code, _, _, calls = machine.run("--yes", "--no-run")
    assert (code, steps(calls)) == (0, ["repository create", "docker build", "docker push", "apply"])


def test_all_that_is_missing_is_said_at_once(machine):
    for name in ("oci", "docker", "terraform"):
        (machine.bin / name).unlink()
    code, _, err, calls = machine.run("--terraform", "/nowhere")
    assert (code, calls) == (2, [])
    assert err.startswith("deploy.sh: Missing: terraform; oci; docker or podman (installed and running); the folder /nowhere.")


def test_podman_serves_where_docker_does_not_answer(machine):
    (machine.bin / "podman").write_text(FAKE.replace('"docker ', '"podman '))
    (machine.bin / "podman").chmod(0o755)
    code, _, _, calls = machine.run("--yes", fail="docker info")
    assert code == 0
    assert [" ".join(call.split()[:2]) for call in calls if " build " in call or " push " in call] == ["podman build", "podman push"]


def test_a_region_that_the_tenancy_has_not_is_refused(machine):
    code, _, err, _ = machine.run(arguments=("--compartment", COMPARTMENT, "--region", "us-nowhere-1"))
    assert (code, err) == (3, "deploy.sh: The tenancy is not subscribed to us-nowhere-1. Subscribe to it, or use another --region.\n")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "--compartment: use the OCID"),
        (("--compartment", "prod", "--region", "eu-frankfurt-1"), "--compartment: use the OCID"),
        (("--compartment", COMPARTMENT), "--region: use a region identifier"),
        (("--compartment", COMPARTMENT, "--region", "eu-frankfurt-1'] | x"), "--region: use a region identifier"),
        (("--compartment", COMPARTMENT, "--region", "eu-frankfurt-1", "--wait", "soon"), "use an integer number of seconds"),
        (("--compartment",), "requires a value"),
        (("--colour", "red"), "Unknown option --colour"),
        ((*USUAL, "--dry-run"), "--dry-run: use it with --uninstall."),
    ],
)
def test_arguments_that_can_not_be_used_are_refused(machine, arguments, says):
    code, _, err, calls = machine.run(arguments=arguments)
    assert (code, calls) == (2, [])
    assert says in err


def test_help_needs_nothing_and_names_every_option(machine):
    code, out, _, calls = machine.run(arguments=("--help",))
    assert (code, calls) == (0, [])
    parsing = SCRIPT.read_text().partition("\narguments() {")[2].partition("\n}\n")[0]
    known = set(re.findall(r"^ +(--[a-z-]+)[ |)]", parsing, re.M))
    assert {"--compartment", "--wait", "--no-run"} < known
    assert [option for option in known if option not in out] == []


def test_a_run_that_failed_is_shown_and_is_a_failure(machine):
    machine.log({**line("failed", "ERROR", "eu-frankfurt-1 failed: OCI refused."), "report": None, "do": "Check the policies."})
    code, out, err, _ = machine.run("--yes")
    assert code == 1
    assert "eu-frankfurt-1 failed: OCI refused. Check the policies." in out
    assert err.startswith("deploy.sh: The run failed")


@pytest.mark.parametrize(
    "data",
    [
        line(),
        {"message": json.dumps(line())},
        {"message": line()},
        {"message": json.dumps({"log": json.dumps(line())})},
    ],
    ids=["structured", "as text", "below message", "text in text"],
)
def test_a_report_is_found_however_logging_holds_it(machine, data):
    machine.log({"message": "Received function invocation request"}, {"message": "{not json"}, data)
    code, out, _, _ = machine.run("--yes")
    assert (code, out.count("12 forwarded")) == (0, 1)


def test_no_report_in_time_is_a_failure_and_a_run_that_was_skipped_is_none(machine):
    machine.log(line("skipped"), {"message": "nothing of ours"})
    code, _, err, _ = machine.run("--yes", "--wait", "0")
    assert (code, err) == (9, f"deploy.sh: There is no report after 0 s. Search OCI Logging: {SEARCH}\n")


@pytest.mark.parametrize("fail", ["", " apply "])
def test_neither_the_plan_nor_anything_else_stays_behind(machine, fail):
    machine.run("--yes", fail=fail)
    assert list(machine.work.iterdir()) == []


def test_the_second_time_the_answers_are_known(machine):
    machine.run("--yes")
    (machine.done / "applied").unlink()
    code, _, err, calls = machine.run("--yes", arguments=WAITING)
    assert (code, err) == (0, "")
    assert f"repository list --compartment-id {COMPARTMENT} " in "\n".join(calls)
    assert all(call.startswith("oci --region eu-frankfurt-1 ") for call in calls if call.startswith("oci ") and " iam " not in call)


def test_the_image_alone(machine):
    code, out, err, calls = machine.run("--image-only")
    assert (code, err, steps(calls)) == (0, "", ["repository create", "docker build", "docker push"])
    assert re.search(rf'^image        = "fra\.ocir\.io/tenant/epimetheus:\S+"\nimage_digest = "{DIGEST}"$', out, re.M)
    assert [call for call in calls if call.startswith("terraform")] == []


def test_the_plan_alone(machine):
    code, _, err, calls = machine.run("--plan-only")
    assert (code, err, steps(calls)) == (0, "", ["repository create", "docker build", "docker push"])
    assert [call for call in calls if " plan " in call]


VALID = f"""tenancy_ocid = "ocid1.tenancy.oc1..aa"\nsyslog_host = "siem.example.com"\ncompartment_ocid = "{COMPARTMENT}"\n"""


def test_settings_are_checked_before_anything_is_built(machine):
    """With the file that Terraform reads."""
    (machine.folder / "terraform.tfvars").write_text(VALID + 'format = "xml"\n')
    code, out, err, calls = machine.run("--yes")
    assert (code, steps(calls)) == (10, [])
    assert "FORMAT" in out
    assert err == f"deploy.sh: The settings in {machine.folder}/terraform.tfvars are not valid. See the errors above.\n"
    (machine.folder / "terraform.tfvars").write_text(VALID)
    code, out, _, _ = machine.run("--yes")
    assert (code, f"The settings in {machine.folder}/terraform.tfvars are valid." in out) == (0, True)


RESOURCES = """data.oci_identity_region_subscriptions.all
module.epimetheus.data.oci_objectstorage_namespace.this
module.epimetheus.oci_functions_function.this
module.epimetheus.oci_kms_vault.this[0]
module.epimetheus.oci_objectstorage_bucket.ledger[0]
module.epimetheus.oci_objectstorage_bucket.state
module.epimetheus.oci_objectstorage_object_lifecycle_policy.state
module.epimetheus.oci_core_subnet.private[0]
"""
STAYS = """\
Removed: 3 resources.
These stay:
- the bucket epimetheus: it has the state, with which a later deployment continues
- the bucket epimetheus-ledger: it has the ledger and the seals, the evidence of what was sent
- the vault: OCI keeps a deleted vault for 7 days or more, and its name stays in use
- the network, for about 5 minutes: OCI releases it only after it has deleted the application; the script waits for that
- the repository of the image, and your auth token
"""


def test_a_dry_run_of_uninstalling_lists_what_stays_and_why(machine):
    (machine.done / "resources").write_text(RESOURCES)
    code, out, err, calls = machine.run("--uninstall", "--dry-run", arguments=WAITING)
    assert (code, err) == (0, "")
    assert STAYS in out
    assert [call for call in calls if " rm " in call or " destroy " in call or call.startswith(("oci", "docker build"))] == []


def test_uninstalling_forgets_what_is_protected_and_waits_for_the_network(machine):
    (machine.done / "resources").write_text(RESOURCES)
    code, _, err, calls = machine.run("--uninstall", answer="no\n", arguments=WAITING)
    assert (code, err) == (7, "deploy.sh: Nothing was removed. Answer yes, or use --yes.\n")
    (machine.done / "in-use").touch()
    code, out, _, calls = machine.run("--uninstall", "--yes", arguments=WAITING)
    assert code == 0
    changing = [call.partition(f"-chdir={machine.folder} ")[2] for call in calls if " rm " in call or " destroy " in call]
    assert changing == [
        "state rm module.epimetheus.oci_kms_vault.this[0]", "state rm module.epimetheus.oci_objectstorage_bucket.ledger[0]",
        "state rm module.epimetheus.oci_objectstorage_bucket.state",
        "destroy -input=false -auto-approve", "destroy -input=false -auto-approve",
    ]  # fmt: skip
    assert "OCI releases the network of a deleted application after some minutes." in out


def test_uninstalling_gives_up_after_the_wait_and_can_be_run_again(machine):
    (machine.done / "resources").write_text("module.epimetheus.oci_functions_function.this\n")
    code, _, err, _ = machine.run("--uninstall", "--yes", "--wait", "0", fail=" destroy ", arguments=("--poll", "0"))
    assert (code, err.splitlines()[-1]) == (7, "deploy.sh: terraform destroy failed. See the error above, then run this script again.")
    code, out, _, _ = machine.run("--uninstall", "--yes", arguments=WAITING)
    assert (code, "- the vault" in out, "- the bucket" in out) == (0, False, False)


DOCS = {name: (ROOT / "docs" / f"{name}.md").read_text("utf-8") for name in ("deploy", "operate", "security")}


def test_every_alarm_has_its_section():
    own = (ROOT / "terraform" / "observability.tf").read_text().partition("cloud_guard_alarms")[2]
    push, _, connector = (ROOT / "terraform" / "push.tf").read_text().partition("push_alarms")[2].partition("connector_alarms")
    texts = {"": own, "push-": push, "connector-": connector}
    kinds = {f"{start}{kind.replace('_', '-')}" for start, text in texts.items() for kind in re.findall(r"^    (\w+) = \{$", text, re.M)}
    assert {"lag", "missing", "not-started", "cloud-guard-missing", "push-delay", "connector-errors"} <= kinds
    section = DOCS["operate"].partition("\n## Alarms\n")[2].partition("\n## ")[0]
    assert {name for heading in re.findall(r"^### (.+)$", section, re.M) for name in heading.split(", ")} == kinds


def test_every_policy_statement_is_explained():
    """By verb and kind of resource; what stands in comments is none."""
    policies = re.sub(r"^ *#.*$", "", (ROOT / "terraform" / "iam.tf").read_text(), flags=re.M)
    allowed = r"Allow (dynamic-group|any-user|service) .*?to (manage|use|read|inspect) ([a-z-]+)"
    explained = DOCS["security"].partition("### Policy statements")[2].partition("```\n\n")[0]
    assert set(re.findall(allowed, explained)) == set(re.findall(allowed, policies))
    assert len(set(re.findall(allowed, policies))) >= 10


@pytest.mark.parametrize("name", DOCS)
def test_the_commands_that_are_told_exist(name):
    told = set(re.findall(r"(?:^ +|`)epimetheus ([a-z]+(?: [a-z]+)?)", DOCS[name], re.MULTILINE))
    known = command_line()
    for words in map(str.split, told):
        command = known.commands[words[0]]
        alone = len(words) == 1 and getattr(command, "invoke_without_command", True)
        assert alone or not hasattr(command, "commands") or words[1] in command.commands, words
    assert told or name == "deploy"


@pytest.mark.parametrize("name", DOCS)
def test_what_is_pointed_at_is_there(name):
    def anchors(text):
        heads = re.findall(r"^#+ (.+)$", text, re.M)
        return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}

    for file, anchor in re.findall(r"\]\(([\w./]*)(?:#([\w-]+))?\)", DOCS[name]):
        path = ROOT / "docs" / (file or f"{name}.md")
        assert path.exists(), file
        assert not anchor or anchor in anchors(path.read_text("utf-8")), anchor
    variables = "".join(path.read_text() for path in (ROOT / "terraform").glob("variables*.tf"))
    declared = set(re.findall(r'^variable "(\w+)"', variables, re.M))
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)(?: = [^`]*)?`", DOCS[name]))
    ours = {word for word in named if word in declared or word.startswith(("syslog_", "api_", "alarm"))}
    assert len(ours) >= 4
    assert ours <= declared
