"""Which members of an object, and which items of a list, are secrets by what stands beside them."""

import re
from collections.abc import Callable, Mapping, Sequence

from epimetheus.render.redact.encodings import without_unseen
from epimetheus.render.redact.keys import JWK_PRIVATE, Key, names_secret
from epimetheus.render.redact.text import REDACTED

CUSTOMER_KEY = "CustomerSecretKey"
"""In the name of an event: then ``key`` is the secret of a key for the S3 API, which nothing else would tell."""
_OWNERS = frozenset(("userId", "userid", "user_id", "user-id"))
_LABEL = re.compile(r"(?:[A-Za-z]{1,20}|\d{1,4})(?:[\-_. ](?:[A-Za-z]{1,20}|\d{1,4})){0,3}", re.ASCII)
SHORT_FLAGS = ("-p", "-P")
_TAKE_PASSWORDS = ("mysql", "mysqldump", "mariadb", "mongo", "mongosh", "sshpass", "sqlcmd", "docker", "podman", "helm", "az", "zip")
_BEGINS = re.compile(r"-{4,5} ?BEGIN [A-Z0-9 ]{0,40}?PRIVATE KEY")
_ENDS = re.compile(r"-{4,5} ?END [A-Z0-9 ]{0,40}?PRIVATE KEY")
_PLAIN = re.compile(r"[\w\-]{1,64}")
_FLAG = re.compile(r"--?+([^\W\d_][\w\-]{0,62})")

Classify = Callable[[str], Key]


def secret_members(value: Mapping[str, object], kinds: Mapping[str, Key], *, customer_key: bool) -> set[str]:
    """Keys over secrets: by themselves, by a name beside them (``{"name": "password", "value": …}``), and private members of a JWK."""
    secret = {key for key, kind in kinds.items() if kind.secret}
    if any(kind.names and isinstance(value[key], str) and names_secret(str(value[key])) for key, kind in kinds.items()):
        secret |= {key for key, kind in kinds.items() if kind.values}
    if "kty" in value:
        secret |= JWK_PRIVATE & value.keys()
    if "key" in value and not any(kind.values for kind in kinds.values()):
        owned = not _OWNERS.isdisjoint(value) and not is_label(value["key"])
        if customer_key or owned:
            secret.add("key")
    return secret


def all_hidden(items: Sequence[object]) -> bool:
    """Whether one mark may stand for all items of a list."""
    return all(item == REDACTED and type(item) is str for item in items)


def key_lines(items: Sequence[object]) -> set[int]:
    """Which items of a list are the lines of a private key, after the first."""
    lines: set[int] = set()
    inside = False
    for index, item in enumerate(items):
        if type(item) is str:
            if inside:
                lines.add(index)
            inside = (inside or opens_key(item)) and not _ENDS.search(item)
    return lines


def opens_key(text: str) -> bool:
    """Whether a private key begins in a text, and does not end there."""
    return "PRIVATE KEY" in text and _BEGINS.search(text) is not None and not _ENDS.search(text)


def flag_of(text: str) -> str | None:
    """The name in ``--name``."""
    found = _FLAG.fullmatch(without_unseen(text))
    return found[1] if found else None


def is_flag(flag: object, item: object, classify: Classify) -> bool:
    """Whether an item is the value of the option before it: ``["--password", "…"]``."""
    name = flag_of(flag) if isinstance(flag, str) else None
    return name is not None and isinstance(item, str) and item[:1] != "-" and classify(name).secret


def is_argument(items: Sequence[object], index: int, classify: Classify) -> bool:
    """`is_flag` of an item and the one before it; and whether it is what follows ``-p`` of a program that takes a password there."""
    flag, item = items[index - 1], items[index]
    short = flag in SHORT_FLAGS and isinstance(item, str) and not item.isdigit() and items[0] in _TAKE_PASSWORDS
    return short or is_flag(flag, item, classify)


def is_label(text: object) -> bool:
    """Whether this is a few words or small numbers, and no secret that was made by a machine."""
    return isinstance(text, str) and _LABEL.fullmatch(text) is not None


def is_pair_alone(items: Sequence[object], classify: Classify) -> bool:
    """`is_pair` of a whole list: one plain name, and no other name behind it."""
    return is_pair(items, classify) and _PLAIN.fullmatch(str(items[0])) is not None and not is_label(items[1])


def is_pair(item: object, classify: Classify) -> bool:
    """Whether an item is a name and its secret value, in a list of such: ``[["Authorization", "…"]]``."""
    return isinstance(item, list) and len(item) == 2 and all(isinstance(part, str) for part in item) and classify(item[0]).secret
