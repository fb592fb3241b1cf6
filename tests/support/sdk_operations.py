"""Finds the operations of the installed OCI SDK: the public methods of its clients, named as in the API.

``python -m tests.support.sdk_operations`` lists those whose severity is that of an unknown operation.
"""

import re
from pathlib import Path

import oci

_METHOD = re.compile(r"^    def ([a-z]\w*)\(self", re.MULTILINE)


def installed_operations() -> list[str]:
    """Returns the names in order, ``create_vcn`` as ``CreateVcn``. The sources are read, not imported, which would take minutes."""
    paths = Path(str(oci.__file__)).parent.glob("*/*_client.py")
    methods = {name for path in paths for name in _METHOD.findall(path.read_text(encoding="utf-8"))}
    return sorted("".join(word[:1].upper() + word[1:] for word in name.split("_")) for name in methods)


if __name__ == "__main__":
    from epimetheus.render.severity import operation_severity
    from epimetheus.render.severity_table import OTHER

    print("\n".join(name for name in installed_operations() if operation_severity(name) == OTHER))
