"""Finds the fields of the OCI SDK's models that may contain a secret, by name or by description.

``python -m tests.support.sdk_fields`` lists them by their names in the API's JSON. The image does not contain the models.
"""

import re
from functools import cache
from pathlib import Path

import oci

_PROPERTY = re.compile(r"@property\n\s+def (\w+)\(self\):\n\s+\"\"\"(.*?)\"\"\"", re.DOTALL)
_TYPE = re.compile(r":rtype:\s*(\S+)")
_SUMMARY_START = re.compile(r"Gets the (\w+) of this \w+\. ")
# Independent of the words in `epimetheus.render.redact.keys`, so that it does not share their gaps.
_SECRET_NAME = re.compile(
    r"pass(?:word|wd|phrase|_phrase|code)|secret|token|credential"
    r"|(?:private|api|access|auth|account|signing|master|shared|ssl|ssh|license|activation|client)_key|cookie|jwt|otp|(?:^|_)pin$|(?:^|_)seed$|wallet|kube_?config|user_?data$|assertion|answer$|plaintext$|key_material|authorization$|signature$"
    r"|bypass_code|keytab|key_store$|trust_store$|salt$|certificate_key|_cred$|verification_code"
)
_SECRET_DESCRIPTION = re.compile(
    r"^(?:the|a|an)?\s*(?:base64[- ]encoded |encrypted |hashed |current |new |old |plain ?text )?(?:content of (?:the|a) )?(?:[\w/]+ ){0,3}"
    r"(?:password|passphrase|private key|secret key|secret access key|api key|auth(?:entication|orization)? token|access token|bearer token"
    r"|shared secret"
    r"|client secret|one[- ]time (?:password|passcode)|recovery code|bypass code|private ssh key|pre-shared key|seed for)\b"
    r"(?! (?:policy|id|identifier|version|name|ocid))",
    re.IGNORECASE,
)
_TEXT_TYPE = re.compile(r"str|object|list\[str\]|dict\(str, (?:str|object)\)|oci\.|list\[oci\.")


class SecretFields:
    """Collects the fields that may contain a secret."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def add(self, name: str, description: str, kind: str) -> None:
        """Adds a field, given its Python name, description and type, if it may contain a secret."""
        if _TEXT_TYPE.match(kind) and (_SECRET_NAME.search(name) or (kind == "str" and _describes_secret(name, description))):
            self._names.add(_camel(name))

    def names(self) -> list[str]:
        """Returns the names in order."""
        return sorted(self._names)


def _describes_secret(name: str, description: str) -> bool:
    summary = " ".join(description.replace("**[Required]**", "").split())
    start = _SUMMARY_START.match(summary)
    return _SECRET_DESCRIPTION.match(summary[start.end() :] if start and start[1] == name else summary) is not None


def _camel(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])_+([a-z0-9])", lambda found: found[1].upper(), name)


@cache
def installed_fields() -> tuple[str, ...]:
    """Returns the fields of all models of the installed SDK. Reads thousands of files once in a process."""
    fields = SecretFields()
    for path in sorted(Path(str(oci.__file__)).parent.glob("*/models/*.py")):
        for name, description in _PROPERTY.findall(path.read_text(encoding="utf-8")):
            kind = _TYPE.search(description)
            fields.add(name, description.partition(":return:")[0], kind[1] if kind else "str")
    return tuple(fields.names())


if __name__ == "__main__":
    print("\n".join(installed_fields()))
