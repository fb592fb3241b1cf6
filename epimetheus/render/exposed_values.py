"""Whether a value that a call sets exposes something: a policy statement, a network. Every function takes linear time."""

import re
from collections.abc import Callable

MAX_TEXT = 64 * 1024
"""Characters of a value that are examined, without repeated blanks. A policy statement of OCI is far shorter."""

_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_EVERYTHING = re.compile(r"\bto manage all-resources in (?:(?:any-)?tenancy\b|compartment id ocid1\.tenancy\.)")
_EVERYONE = re.compile(r"(?:allow|admit|endorse) any-(?:user|group)(?: of (?:any-tenancy|tenancy \S+))? to (?:use|manage)\b")
_VARIABLE = re.compile(r"\b(?:request|target|resource|instance)\.\w")
# A half or a quarter of all addresses is as open as all of them: two or four rules make up the whole.
_ANY_NETWORK = re.compile(r"[\d.]{1,15}/0*[01]|(?=[^/]*:)[\da-f:.]{2,45}/0*[0-3]", re.IGNORECASE)

Values = Callable[[str], object]
"""Takes the `plain_text` of a value. The result is true if the value exposes something."""


def plain_text(value: object) -> str | None:
    """A text without repeated or surrounding blanks, at most MAX_TEXT characters; a boolean as in JSON; None for anything else."""
    if isinstance(value, str):
        return " ".join(value.split())[:MAX_TEXT]
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else None


def like(expression: str) -> Values:
    """A test whether the whole text matches, in any letter case."""
    return re.compile(expression, re.IGNORECASE | re.DOTALL).fullmatch


def is_any_network(text: str) -> bool:
    """Whether a CIDR block is the whole address space, at least a half of IPv4's, or an eighth of IPv6's: all public ones are in one."""
    return _ANY_NETWORK.fullmatch(text) is not None


def grants_everything(statement: str) -> bool:
    """Whether a policy statement grants all resources of the tenancy, or anything to everyone without a condition that names a variable."""
    text = statement.lower()
    without_comments = " ".join(_COMMENT.sub(" ", text).split())
    forms = (text, without_comments)
    if any(map(_EVERYTHING.search, forms)):
        return True
    return any(map(_EVERYONE.match, forms)) and not _has_condition(without_comments)


def _has_condition(text: str) -> bool:
    _, _, condition = text.partition(" where ")
    return _VARIABLE.search(_QUOTED.sub("''", condition)) is not None
