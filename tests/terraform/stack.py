"""``python -m tests.terraform.stack``: writes terraform/stack, which passes its variables to the module, and terraform/README.md.

Terraform cannot pass all variables at once, so the root repeats them: names, types, defaults and descriptions. The module validates them.
"""

import re
from collections.abc import Iterator

from tests.terraform.hcl import MODULE, STACK

COMMAND = "python -m tests.terraform.stack"
README = MODULE / "README.md"
_BLOCK = re.compile(r'^(variable|output|resource) "(\w+)"(?: "(\w+)")? \{\n(.*?)^\}$', re.MULTILINE | re.DOTALL)
_LINE = re.compile(r"^  (type|default|nullable|sensitive|description) += (.*)$", re.MULTILINE)
_ROOT_ONLY = """\
variable "ignore_defined_tags" {
  type        = list(string)
  default     = []
  nullable    = false
  description = "Defined tags that Terraform leaves alone, like NAMESPACE.KEY: those of the tenancy's tag defaults. Without them and with \
defined_tags, each plan would remove them."

  validation {
    condition     = alltrue([for each in var.ignore_defined_tags : can(regex("^[^.\\\\s]{1,100}\\\\.[^.\\\\s]{1,100}$", each))])
    error_message = "ignore_defined_tags: expected names like NAMESPACE.KEY."
  }
}
"""


def blocks(kind: str, pattern: str = "*.tf") -> Iterator[tuple[str, str, str]]:
    """The labels and the text of the module's blocks, in the order of the files."""
    for path in sorted(MODULE.glob(pattern)):
        for found, first, second, body in _BLOCK.findall(path.read_text("utf-8")):
            if found == kind:
                yield first, second, body


def arguments(body: str) -> dict[str, str]:
    """The arguments of a variable or an output, as they are written."""
    return dict(_LINE.findall(body))


def files() -> dict[str, str]:
    """File in terraform/stack → its text."""
    header = f"# Written by {COMMAND}.\n\n"
    return {
        "main.tf": header + _main(),
        "variables.tf": header + "\n".join([*_variables(), _ROOT_ONLY]),
        "outputs.tf": header + "\n".join(_outputs()),
        "moved.tf": header + _moved(),
    }


def _main() -> str:
    names = [name for name, _, _ in blocks("variable")]
    width = max(map(len, names))
    passed = "".join(f"  {name:<{width}} = var.{name}\n" for name in names)
    return (
        'module "epimetheus" {\n  source = "../"\n\n  providers = {\n    oci      = oci\n    oci.home = oci.home\n  }\n\n' + passed + "}\n"
    )


def _variables() -> Iterator[str]:
    for name, _, body in blocks("variable"):
        found = arguments(body)
        width = max(map(len, found))
        yield f'variable "{name}" {{\n' + "".join(f"  {each:<{width}} = {found[each]}\n" for each in found) + "}\n"


def _outputs() -> Iterator[str]:
    for name, _, body in blocks("output"):
        description = arguments(body)["description"]
        yield f'output "{name}" {{\n  description = {description}\n  value       = module.epimetheus.{name}\n}}\n'


def _moved() -> str:
    """For states that were made before terraform/ became a module."""
    addresses = [f"{kind}.{name}" for kind, name, _ in blocks("resource")]
    return "\n".join(f"moved {{\n  from = {each}\n  to   = module.epimetheus.{each}\n}}\n" for each in addresses)


def readme() -> str:
    """The README of the module."""
    inputs = [(name, arguments(body)) for name, _, body in blocks("variable")]
    rows = [f"| `{name}` | {_text(each['description'])} | `{each['type']}` | {_default(each)} |" for name, each in inputs]
    outputs = [f"| `{name}` | {_text(arguments(body)['description'])} |" for name, _, body in blocks("output")]
    return _README.format(command=COMMAND, inputs="\n".join(rows), outputs="\n".join(outputs))


def _text(quoted: str) -> str:
    return quoted[1:-1].replace("|", "\\|")


def _default(found: dict[str, str]) -> str:
    value = found.get("default", "required")
    return value if value == "required" else f"`{value}`"


_README = """\
# Terraform module

After reading this page, you can use the module in a configuration of your own. To deploy from this repository, or with OCI Resource
Manager, you need only the root module in `stack/` ([Deploy](../docs/deploy.md)). `{command}` writes this page and `stack/`.

```hcl
provider "oci" {{
  region = "eu-frankfurt-1"
}}

# Dynamic groups and policies can be changed in the tenancy's home region only.
provider "oci" {{
  alias  = "home"
  region = "us-ashburn-1"
}}

module "epimetheus" {{
  source = "git::<repository-url>//terraform?ref=v0.1.0"

  providers = {{
    oci      = oci
    oci.home = oci.home
  }}

  tenancy_ocid        = "ocid1.tenancy.oc1..…"
  compartment_ocid    = "ocid1.compartment.oc1..…"
  region              = "eu-frankfurt-1"
  image               = "fra.ocir.io/NAMESPACE/epimetheus:0.1.0-…"
  syslog_host         = "siem.example.com"
  siem_cidrs          = ["203.0.113.7/32"]
  notification_emails = ["soc@example.com"]
}}
```

The module needs Terraform 1.5 and the provider oracle/oci 8.11, or later. It contains no provider configuration, so `count`, `for_each` and
`depends_on` work with it. If the tenancy has tag defaults, set `ignore_defined_tags` of both providers. `examples/` has complete
configurations.

## Inputs

`null` stands for the default. Where it depends on other inputs, the description has it.

| name | description | type | default |
|---|---|---|---|
{inputs}

## Outputs

| name | description |
|---|---|
{outputs}
"""


def main() -> None:
    """Write the files."""
    for name, text in files().items():
        (STACK / name).write_text(text, "utf-8")
    README.write_text(readme(), "utf-8")


if __name__ == "__main__":
    main()
