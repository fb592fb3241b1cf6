"""--tfvars derives the same settings from a variable file as terraform/locals.tf does, evaluated by real Terraform."""

import json
import re
import shutil
import subprocess

import pytest

from epimetheus.cli.tfvars import CREATED_KEY, read_tfvars
from tests.terraform.agreement import VALUES, accepts
from tests.terraform.hcl import MODULE, variables

SECRET = "ocid1.vaultsecret.oc1..aaa"
TENANCY, COMPARTMENT = "ocid1.tenancy.oc1..aaa", "ocid1.compartment.oc1..aaa"
REQUIRED = f'tenancy_ocid = "{TENANCY}"\ncompartment_ocid = "{COMPARTMENT}"\nregion = "eu-frankfurt-1"\nimage = "fra.ocir.io/ns/e:1"\n'
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
FILES = {
    "minimal": f'{REQUIRED}syslog_host = "siem.example.com"\n',
    "all": f"""{REQUIRED}
        syslog_host = "siem.example.com" # the SIEM
        syslog_port = 6515
        name = "audit"
        state_prefix = "a\\"b\\u00e9$${{c}}/"
        regions = ["eu-frankfurt-1", "us-ashburn-1",]
        compartment_mode = "include"
        compartment_ids = [
          "{COMPARTMENT}",
        ]
        tamper_watch = []
        redact = ["data.identity.ipAddress"]
        reconcile_after = [1440, 90]
        seal_messages = true
        push_enabled = true
        api_requests_per_second = 2.50
        metrics_namespace = ""
        metrics_compartment_ocid = "{TENANCY}"
        log_level = null
        format = ""
        syslog_ca = <<EOT
{PEM}EOT
        rules = <<-EOT
          {{"event_filtering": {{"mode": "all"}}}}
          EOT
        freeform_tags = {{ a = "b" }}
    """,
    "references": f'{REQUIRED}syslog_host = "siem"\nsyslog_ca = "object:ca.pem"\nfield_map = "object:map.json"\nseal_messages = false\n',
    "vault": f"""{REQUIRED}
        syslog_host = "siem"
        create_vault = true
        reconcile_after = []
        state_bucket = "b"
        syslog_client_cert = "object:c.pem"
    """,
    "secret": f'{REQUIRED}syslog_host = "siem"\nsyslog_client_cert = "object:c.pem"\nsyslog_client_key_secret_ocid = "{SECRET}"\n',
    "json": json.dumps(
        {
            "tenancy_ocid": TENANCY,
            "compartment_ocid": COMPARTMENT,
            "region": "us-ashburn-1",
            "image": "i",
            "syslog_host": "siem",
            "syslog_port": 6515,
            "regions": ["PHX", "eu-frankfurt-1", "iad"],
            "seal_messages": True,
            "push_enabled": True,
            "syslog_timeout_seconds": 2.5,
            "log_level": None,
        }
    ),
}


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    """The module's variables and locals, without what needs a provider."""
    if not shutil.which("terraform"):
        pytest.skip("Terraform is not installed")
    folder = tmp_path_factory.mktemp("module")
    for name in ("variables.tf", "variables_settings.tf", "variables_push.tf", "regions.tf"):
        shutil.copy(MODULE / name, folder)
    text = (MODULE / "locals.tf").read_text("utf-8")
    namespace = 'var.state_namespace == null ? "" : var.state_namespace'  # coalesce refuses two empty texts
    text = text.replace("coalesce(var.state_namespace, data.oci_objectstorage_namespace.this.namespace)", namespace)
    (folder / "locals.tf").write_text(text)
    return folder


def settings_of_terraform(module, file):
    expression = "jsonencode({ settings = local.settings, inline = local.inline_values })\n"
    command = ["terraform", "console", "-no-color", f"-var-file={file}"]
    done = subprocess.run(command, cwd=module, input=expression, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(json.loads(done.stdout.strip().splitlines()[-1]))
    inline = {f"object:{one['object']}": one["content"] for one in found["inline"].values()}
    settings = {name: inline.get(value, value) for name, value in found["settings"].items()}
    return {name: value for name, value in settings.items() if value or name in ("METRICS_NAMESPACE", "RECONCILE_AFTER")}


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_settings_are_those_that_terraform_derives(module, tmp_path, name):
    path = tmp_path / ("terraform.tfvars.json" if name == "json" else "terraform.tfvars")
    path.write_text(FILES[name], "utf-8")
    settings, region, notes, problems = read_tfvars(path)
    created = {"SYSLOG_CLIENT_KEY": CREATED_KEY} if name == "vault" else {}  # functions.tf adds the OCID of the secret
    assert settings == settings_of_terraform(module, path) | created
    assert (notes, problems) == ((), ())
    assert region == ("us-ashburn-1" if name == "json" else "eu-frankfurt-1")


def test_every_variable_is_derived_as_terraform_does(module, tmp_path):
    """One file with the first valid value of each setting, which is not its default."""
    defaults = {name: body.get("default") for name, body in variables().items()}
    values = {name: next(each for each in choices if accepts(name, each) and each != defaults[name]) for name, choices in VALUES.items()}
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items() if not re.search(r"\$\{", str(value))]
    path = tmp_path / "all.tfvars"
    path.write_text("\n".join([line for line in REQUIRED.splitlines() if "tenancy" not in line] + lines) + "\n", "utf-8")
    settings = read_tfvars(path).values
    assert settings == settings_of_terraform(module, path)
    assert len(settings) > 35
