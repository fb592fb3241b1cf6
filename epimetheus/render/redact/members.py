"""Finds the secret members of an object and the secret items of a list, by their keys and by their neighbors."""

import re
from collections.abc import Callable, Mapping, Sequence

from epimetheus.render.redact.encodings import without_invisible
from epimetheus.render.redact.keys import JWK_PRIVATE_MEMBERS, KeyKind, names_secret
from epimetheus.render.redact.text import REDACTED

CUSTOMER_KEY_EVENT = "CustomerSecretKey"
"""If an event's name contains this, its ``key`` is the secret of an S3 API key, which nothing else in the event reveals."""
_USER_ID_KEYS = frozenset(("userId", "userid", "user_id", "user-id"))
_LABEL = re.compile(r"(?:[A-Za-z]{1,20}|\d{1,4})(?:[\-_. ](?:[A-Za-z]{1,20}|\d{1,4})){0,3}", re.ASCII)
SHORT_PASSWORD_OPTIONS = ("-p", "-P")
_PASSWORD_OPTION_PROGRAMS = (
    "mysql", "mysqldump", "mariadb", "mongo", "mongosh", "sshpass", "sqlcmd", "docker", "podman", "helm", "az", "zip",
)  # fmt: skip
_PRIVATE_KEY_BEGIN = re.compile(r"-{4,5} ?BEGIN [A-Z0-9 ]{0,40}?PRIVATE KEY")
_PRIVATE_KEY_END = re.compile(r"-{4,5} ?END [A-Z0-9 ]{0,40}?PRIVATE KEY")
_PLAIN_NAME = re.compile(r"[\w\-]{1,64}")
_OPTION_ARGUMENT = re.compile(r"--?+([^\W\d_][\w\-]{0,62})")

KeyClassifier = Callable[[str], KeyKind]


def secret_members(value: Mapping[str, object], kinds: Mapping[str, KeyKind], *, customer_key: bool) -> set[str]:
    """Returns the keys of secrets: secret keys, values whose name is secret (``{"name": "password", "value": …}``), private JWK members."""
    secret = {key for key, kind in kinds.items() if kind.is_secret}
    if any(kind.is_name and isinstance(value[key], str) and names_secret(str(value[key])) for key, kind in kinds.items()):
        secret |= {key for key, kind in kinds.items() if kind.is_value}
    if "kty" in value:
        secret |= JWK_PRIVATE_MEMBERS & value.keys()
    if "key" in value and not any(kind.is_value for kind in kinds.values()):
        owned = not _USER_ID_KEYS.isdisjoint(value) and not is_label(value["key"])
        if customer_key or owned:
            secret.add("key")
    return secret


def is_secret_by_neighbors(key: str, kind: KeyKind) -> bool:
    """Whether other members of its object decide in `secret_members` whether the value of ``key`` is a secret."""
    return kind.is_value or key == "key" or key in JWK_PRIVATE_MEMBERS


def all_redacted(items: Sequence[object]) -> bool:
    """Whether every item is redacted, so that one mark can replace the list."""
    return all(item == REDACTED and type(item) is str for item in items)


def private_key_lines(items: Sequence[object]) -> set[int]:
    """Returns the indices of list items that continue a private key, after its first line."""
    lines: set[int] = set()
    inside = False
    for index, item in enumerate(items):
        if type(item) is str:
            if inside:
                lines.add(index)
            inside = (inside or opens_private_key(item)) and not _PRIVATE_KEY_END.search(item)
    return lines


def opens_private_key(text: str) -> bool:
    """Whether a private key begins in ``text`` but does not end in it."""
    return "PRIVATE KEY" in text and _PRIVATE_KEY_BEGIN.search(text) is not None and not _PRIVATE_KEY_END.search(text)


def option_name(text: str) -> str | None:
    """Returns ``name`` of ``--name``; None if ``text`` is not an option."""
    match = _OPTION_ARGUMENT.fullmatch(without_invisible(text))
    return match[1] if match else None


def is_secret_option_value(option: object, item: object, classify: KeyClassifier) -> bool:
    """Whether ``item`` is the value of the secret option before it: ``["--password", "…"]``."""
    name = option_name(option) if isinstance(option, str) else None
    return name is not None and isinstance(item, str) and item[:1] != "-" and classify(name).is_secret


def is_secret_argument(items: Sequence[object], index: int, classify: KeyClassifier) -> bool:
    """Whether the item at ``index`` is the value of a secret option, or follows ``-p`` of a program that takes a password there."""
    option, item = items[index - 1], items[index]
    short = option in SHORT_PASSWORD_OPTIONS and isinstance(item, str) and not item.isdigit() and items[0] in _PASSWORD_OPTION_PROGRAMS
    return short or is_secret_option_value(option, item, classify)


def is_label(text: object) -> bool:
    """Whether ``text`` is a few words or small numbers, unlike a generated secret."""
    return isinstance(text, str) and _LABEL.fullmatch(text) is not None


def is_lone_secret_pair(items: Sequence[object], classify: KeyClassifier) -> bool:
    """Whether a whole list is one secret pair: a plain name and a value that is not a label."""
    return is_secret_pair(items, classify) and _PLAIN_NAME.fullmatch(str(items[0])) is not None and not is_label(items[1])


def is_secret_pair(item: object, classify: KeyClassifier) -> bool:
    """Whether a list item is a name and its secret value: ``[["Authorization", "…"]]``."""
    return isinstance(item, list) and len(item) == 2 and all(isinstance(part, str) for part in item) and classify(item[0]).is_secret
