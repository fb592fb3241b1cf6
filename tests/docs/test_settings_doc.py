"""docs/settings.md is generated from `Settings`, so that it cannot become outdated: ``python -m tests.docs.test_settings_doc`` writes it."""

import re
from pathlib import Path

from epimetheus.config.setting_checks import MAX_BYTES
from epimetheus.config.settings import Settings

DOC = Path(__file__).parents[2] / "docs" / "settings.md"
COMMAND = "python -m tests.docs.test_settings_doc"


def groups():
    """Group → the settings in it, in the order of `Settings`."""
    found = {}
    for name in Settings.model_fields:
        found.setdefault(Settings.reference(name).group, []).append(name)
    return found


def row(name):
    """One line of a table."""
    setting = Settings.reference(name)
    description = re.sub(r"docs/(\w+\.md)", r"[\1](\1)", setting.description)
    return f"| `{name.upper()}` | {description} | {setting.accepted} | {setting.default} |"


def table(names):
    return "\n".join(["| Setting | Description | Accepted | Default |", "|---|---|---|---|", *map(row, names)])


def text():
    contents = "\n".join(f"- [{title}](#{title.lower().replace(' ', '-')})" for title in groups())
    tables = "\n\n".join(f"## {title}\n\n{table(names)}" for title, names in groups().items())
    return f"""# Settings

After reading this page, you can pass settings to the function and to the command line, and look up the meaning, accepted values and default
of each setting. `{COMMAND}` generates this page from the code. Do not edit it by hand.

{contents}

## Where settings come from

- **In the function**, settings are keys of its configuration. With Terraform, set the variable of the same name in lower case:
  `syslog_port = 6515`. Use Terraform lists for lists. The module has its own defaults for `STATE_BUCKET`, `STATE_NAMESPACE`, `TAMPER_WATCH`
  and `METRICS_COMPARTMENT_OCID`, and no variables for `STATE_FILE` and the `OCI_…` settings.
- **On the command line**, settings are environment variables (`SYSLOG_PORT=6515 epimetheus run`), or come from a file or a deployed
  function: `--env-file FILE`, `--tfvars FILE`, `--function OCID` ([Command line](cli.md#settings)). Credentials come from `~/.oci/config`:
  an API key (`oci setup config`) or a session token (`oci session authenticate`). The region may be an identifier or a region key (`IAD`).
  `STATE_FILE` can replace `STATE_BUCKET`.

OCI Functions limits a configuration to {MAX_BYTES:,} bytes, keys and values together. On the command line, there is no such limit. An empty
value counts as not set, with two exceptions: an empty `METRICS_NAMESPACE` turns metrics off, and an empty `RECONCILE_AFTER` turns
reconciliation off. The case of words (`FORMAT=CEF`, `LOG_LEVEL=Debug`, `SEAL_MESSAGES=TRUE`) and of regions does not matter, except in
Terraform.

`epimetheus validate` checks the settings, the files that they name, certificates, `RULES` and `FIELD_MAP` in one pass, without a network
connection. It also reports expired certificates, and warns if one expires within 30 days. With `--json`, it prints the findings and the
settings in effect as JSON. Every run checks the settings first, and reports all errors at once. A misspelled setting is an error in the
function and in a file. In the environment of a terminal, only misspelled names that begin with `SYSLOG_` are errors; others are ignored.

## References

Certificates, keys and JSON files do not have to be part of the configuration. A setting can contain a reference instead, from which its
value is read:

| Reference | Source | Available for |
|---|---|---|
| `file:PATH` | a file in the function's image, or on the local disk | certificates, key, `RULES`, `FIELD_MAP` |
| `object:NAME` | an object in `STATE_BUCKET` | certificates, key, `RULES`, `FIELD_MAP` |
| `vault:SECRET_OCID` | a secret in OCI Vault | certificates, key |

PEM text is accepted even if its line ends were changed in transit (`\\n` as two characters, spaces, doubled line ends), with indentation,
and with a byte order mark. Keys with a passphrase, DER and PKCS#12 are rejected, with an error that contains the command to convert them.

Store the private key in a vault. [Deploy](deploy.md#2-prepare) shows how.

{tables}
"""


def test_the_page_is_generated_from_the_settings():
    assert DOC.read_text("utf-8") == text(), f"run {COMMAND}"


def test_every_setting_has_a_description_of_one_to_three_sentences():
    for name in Settings.model_fields:
        description = Settings.reference(name).description
        assert re.fullmatch(r"[A-Z].*\.", description), name
        assert len(re.findall(r"[.?](?: |$)", description)) <= 3, name


def test_every_quantity_has_a_unit():
    units = {"seconds": "Seconds|seconds", "minutes": "Minutes|minutes", "hours": "Hours|hours", "bytes": "bytes", "second": "per second"}
    for name in Settings.model_fields:
        if unit := units.get(name.rpartition("_")[2]):
            assert re.search(unit, Settings.reference(name).description), name


if __name__ == "__main__":
    DOC.write_text(text(), "utf-8")
