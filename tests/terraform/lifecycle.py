"""``python -m tests.terraform.lifecycle``: real Terraform applies, plans again, changes and destroys the module, against the stand-in.

`terraform test` replaces the provider, so it cannot show what the provider keeps, replaces or rejects. Each check below has a control plane
of its own. Arguments are the names of the checks to run; by default, all run.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.terraform.cloud import Cloud, Values
from tests.terraform.stand_in import provider, read_schema

MODULE = Path(__file__).parents[2] / "terraform"
REQUIRED: Values = {
    "tenancy_ocid": "ocid1.tenancy.oc1..tenancy",
    "compartment_ocid": "ocid1.compartment.oc1..here",
    "region": "eu-frankfurt-1",
    "image": "fra.ocir.io/axexample/epimetheus:0.1.0",
    "syslog_host": "siem.example.com",
}
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
KEY = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"
VARIANTS: dict[str, Values] = {
    "defaults": {},
    "existing network": {
        "subnet_ocid": "ocid1.subnet.oc1..yours", "interval_minutes": 60, "detached_timeout_in_seconds": 3600, "follow_seconds": 3480,
    },
    "inline values": {"syslog_ca": PEM, "rules": "{}", "field_map": "{}", "notification_emails": ["soc@example.com"]},
    "vault": {"create_vault": True, "syslog_client_cert": PEM, "syslog_client_key_pem": KEY, "seal_key_pem": KEY},
    "locked ledger, own key and tags": {
        "kms_key_ocid": "ocid1.key.oc1..ours", "ledger_retention_lock_time": "2027-01-31T00:00:00Z",
        "defined_tags": {"Operations.Owner": "soc"}, "freeform_tags": {"owner": "soc"},
    },
    "push with a stream": {"push_enabled": True, "push_stream_enabled": True, "sources": ["audit", "cloud_guard"]},
    "one bucket, no metrics": {"ledger_bucket": "epimetheus", "metrics_namespace": "", "regions": ["eu-frankfurt-1"]},
}  # fmt: skip


class Deployment:
    """A copy of the module with a state of its own. ``root``: folder of the root module."""

    def __init__(self, folder: Path, cloud: Cloud, environment: Mapping[str, str], root: str = "stack") -> None:
        self.folder, self.cloud = folder, cloud
        ours = {name: text for name, text in os.environ.items() if name != "TF_CLI_CONFIG_FILE"}
        self._environment = ours | environment | {"TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}
        shutil.copytree(MODULE, folder, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*", "*.tfvars"), dirs_exist_ok=True)
        self.folder = folder / root
        self._run("init", "-input=false")

    def apply(self, **variables: Any) -> str:
        """Applies, and returns the output. Raises CheckError if Terraform fails."""
        return self._succeed("apply", "-input=false", "-auto-approve", variables=variables)

    def failure(self, **variables: Any) -> str:
        """The error of a plan, on one line. Raises CheckError if there is none."""
        code, output = self._run("plan", "-input=false", variables=variables)
        expect(code == 1, f"the plan with {variables} succeeds")
        return " ".join(output.replace("│", " ").split())

    def changes(self, **variables: Any) -> list[str]:
        """The addresses that a plan changes, each with its actions."""
        code, output = self._run("plan", "-input=false", "-out=plan", "-detailed-exitcode", variables=variables)
        expect(code in (0, 2), output)
        plan = json.loads(self._succeed("show", "-json", "plan"))
        changed = [each for each in plan.get("resource_changes", ()) if each["change"]["actions"] not in (["no-op"], ["read"])]
        outputs = [f"change output.{name}" for name, each in plan.get("output_changes", {}).items() if each["actions"] != ["no-op"]]
        return [*(f"{'-'.join(each['change']['actions'])} {each['address']}" for each in changed), *outputs]

    def destroy(self, **variables: Any) -> str:
        """Releases what is protected, as docs/deploy.md has it, and destroys the rest."""
        self.forget(*(address for address in self._succeed("state", "list").split() if address.partition("[")[0] in PROTECTED))
        return self._succeed("destroy", "-input=false", "-auto-approve", variables=variables)

    def forget(self, *addresses: str) -> None:
        """Removes resources from the state. They stay in the cloud."""
        self._succeed("state", "rm", *addresses)

    def _succeed(self, *arguments: str, variables: Values | None = None) -> str:
        code, output = self._run(*arguments, variables=variables)
        expect(code == 0, output)
        return output

    def _run(self, *arguments: str, variables: Values | None = None) -> tuple[int, str]:
        if variables is not None:
            (self.folder / "terraform.tfvars.json").write_text(json.dumps(REQUIRED | variables), "utf-8")
        command = ["terraform", *arguments] + ([] if arguments[0] == "state" or "-json" in arguments else ["-no-color"])
        done = subprocess.run(command, cwd=self.folder, env=self._environment, capture_output=True, text=True, timeout=300, check=False)
        return done.returncode, done.stdout + (done.stderr if done.returncode else "")


_PROTECTED = ("oci_objectstorage_bucket.state", "oci_objectstorage_bucket.ledger", "oci_kms_vault.this")
PROTECTED = tuple(f"module.epimetheus.{name}" for name in _PROTECTED)
"""Addresses that the module protects from deletion."""


KEY_IN_POLICY = ["update module.epimetheus.oci_identity_policy.keys[0]", "change output.policy_statements"]


class CheckError(Exception):
    """A check that fails."""


def expect(met: bool, problem: str) -> None:
    """Raises CheckError unless ``met``."""
    if not met:
        raise CheckError(problem)


@contextmanager
def deployment(root: str = "stack", **cloud: Any) -> Iterator[Deployment]:
    """A deployment in a new control plane. ``root``: folder of the root module."""
    made = Cloud(read_schema(), **cloud)
    with provider(made) as environment, tempfile.TemporaryDirectory() as folder:
        yield Deployment(Path(folder), made, environment, root)


def variant(values: Values) -> None:
    """Applies, plans without changes, and destroys everything that is not protected."""
    with deployment(tag_defaults={"Oracle-Tags.CreatedBy": "you", "Corporate.CostCenter": "42"}) as here:
        tags = {"ignore_defined_tags": ["Corporate.CostCenter"]} if "defined_tags" in values else {}
        here.apply(**values, **tags)
        expect((changed := here.changes(**values, **tags)) == [], f"the second plan changes: {changed}")
        here.destroy(**values, **tags)
        left = {kind for kind, _ in here.cloud.resources}
        expect(left <= {address.split(".")[2] for address in PROTECTED}, f"left after destroy: {left}")


EXAMPLES: dict[str, Values] = {
    "simple": {"notification_emails": ["soc@example.com"]},
    "two-siems": {
        "siems": {name: {"host": f"{name}.example.com", "cidrs": ["203.0.113.7/32"], "format": name} for name in ("cef", "leef")},
        "notification_emails": ["soc@example.com"],
    },
    "on-premises": {
        "drg_ocid": "ocid1.drg.oc1..ours", "vcn_cidr": "10.77.0.0/24", "siem_cidr": "10.0.0.0/16", "syslog_host": "10.0.0.7",
        "notification_emails": ["soc@example.com"],
    },
    "existing-network": {
        "subnet_ocid": "ocid1.subnet.oc1..yours", "syslog_host": "siem.example.com",
        "client_key_secret_ocid": "ocid1.vaultsecret.oc1.eu-frankfurt-1.key",
    },
    "connector-hub": {"syslog_host": "siem.example.com", "siem_cidrs": ["203.0.113.7/32"], "notification_emails": ["soc@example.com"]},
}  # fmt: skip


def example(name: str, values: Values) -> None:
    """Applies an example, and plans again without changes."""
    with deployment(f"examples/{name}") as here:
        for file in ("ca.pem", "client.pem"):
            (here.folder / file).write_text(PEM, "utf-8")
        here.apply(home_region="us-ashburn-1", **values)
        expect((changed := here.changes(home_region="us-ashburn-1", **values)) == [], f"the second plan changes: {changed}")


def key_changed() -> None:
    """The provider keeps the key of a bucket that the configuration leaves out, while the policy for the key goes."""
    with deployment() as here:
        here.apply(kms_key_ocid="ocid1.key.oc1..ours")
        error = here.failure()
        expect("The bucket epimetheus is encrypted with the key ocid1.key.oc1..ours, but kms_key_ocid is not set." in error, error)
        expect("The bucket epimetheus-ledger is encrypted with" in error, error)
        error = here.failure(kms_key_ocid="ocid1.key.oc1..new")
        expect("encrypted with the key ocid1.key.oc1..ours, but kms_key_ocid is ocid1.key.oc1..new." in error, error)
        for (kind, _), each in here.cloud.resources.items():
            if kind == "oci_objectstorage_bucket":
                each["kms_key_id"] = "ocid1.key.oc1..new"
        expect((changed := here.changes(kms_key_ocid="ocid1.key.oc1..new")) == KEY_IN_POLICY, f"the plan changes: {changed}")


def network_changed() -> None:
    """Another block would replace the subnet, which is in use."""
    with deployment() as here:
        here.apply()
        error = here.failure(vcn_cidr="10.0.0.0/24")
        expect("vcn_cidr is 10.0.0.0/24, but the VCN has 10.77.0.0/24: it cannot be changed." in error, error)


def names_changed() -> None:
    """Another name would delete the function first, and then fail, because the bucket has objects."""
    with deployment() as here:
        here.apply()
        here.cloud.in_use |= {"epimetheus", "epimetheus-ledger"}
        for change in ({"name": "audit"}, {"state_bucket": "audit"}, {"ledger_bucket": "audit"}, {"ledger_bucket": "epimetheus"}):
            expect("Instance cannot be destroyed" in (error := here.failure(**change)), error)


def moved() -> None:
    """The two ways in docs/deploy.md: another name with the old buckets, and another bucket."""
    with deployment() as here:
        here.apply()
        here.cloud.in_use |= {"epimetheus", "epimetheus-ledger"}
        here.apply(name="audit", state_bucket="epimetheus", ledger_bucket="epimetheus-ledger")
        names = ("oci_objectstorage_bucket.state", "oci_objectstorage_object_lifecycle_policy.state")
        here.forget(*(f"module.epimetheus.{name}" for name in names))
        here.apply(name="audit", state_bucket="audit", ledger_bucket="epimetheus-ledger")
        names = {each["name"] for (kind, _), each in here.cloud.resources.items() if kind == "oci_objectstorage_bucket"}
        expect(names == {"epimetheus", "epimetheus-ledger", "audit"}, f"buckets: {names}")


def earlier_state() -> None:
    """Resources of a state that was made before terraform/ became a module move into it."""
    with deployment() as here:
        here.apply()
        path = here.folder / "terraform.tfstate"
        state = json.loads(path.read_text("utf-8"))
        for resource in state["resources"]:
            resource.pop("module", None)
        path.write_text(json.dumps(state | {"serial": state["serial"] + 1}), "utf-8")
        expect((changed := here.changes()) == [], f"the plan changes: {changed}")


def vault_removed() -> None:
    """OCI keeps a deleted vault for days, and its name stays in use."""
    values = VARIANTS["vault"]
    with deployment() as here:
        here.apply(**values)
        error = here.failure(syslog_client_cert=PEM, syslog_client_key="vault:ocid1.vaultsecret.oc1..key")
        expect("Instance cannot be destroyed" in error and "module.epimetheus.oci_kms_vault.this[0]" in error, error)


def text_changed() -> None:
    """The function can read its certificates and rules at any time while they change."""
    with deployment() as here:
        here.apply(rules="{}", syslog_ca=PEM)
        here.cloud.log.clear()
        here.apply(rules='{"event_filtering": {"mode": "all"}}', syslog_ca=PEM)
        log = [entry.partition(" oci_")[0] + " " + entry.split()[1] for entry in here.cloud.log]
        log.remove("update oci_identity_policy")  # the function cannot overwrite the new object either
        order = ["create oci_objectstorage_object", "update oci_functions_function", "delete oci_objectstorage_object"]
        expect(log == order, f"the order is: {here.cloud.log}")


CHECKS: dict[str, Callable[[], None]] = {
    **{f"apply, plan, destroy: {name}": lambda values=values: variant(values) for name, values in VARIANTS.items()},
    **{f"example: {name}": lambda name=name, values=values: example(name, values) for name, values in EXAMPLES.items()},
    "kms_key_ocid removed or changed": key_changed,
    "network changed": network_changed,
    "names changed": names_changed,
    "moved": moved,
    "earlier state": earlier_state,
    "vault removed": vault_removed,
    "text changed": text_changed,
}


def main(names: list[str]) -> int:
    """Prints the result of each check, and returns 1 if one fails."""
    failed = 0
    for name, check in CHECKS.items():
        if names and not any(each in name for each in names):
            continue
        try:
            check()
        except CheckError as error:
            failed += 1
            print(f"FAILED {name}: {str(error)[-2000:]}", flush=True)
        else:
            print(f"ok {name}", flush=True)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
