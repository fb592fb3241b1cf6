"""What a setting's text may look like, said once for pydantic, as a pattern or bounds, and once for people, as the description."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from epimetheus.render import MIN_BYTES

_ELSEWHERE = "file:PATH, vault:OCID or object:NAME"
ADDRESS = r"(?=.{1,253}\Z)[\w-]+(?:\.[\w-]+)*|[0-9A-Fa-f:.]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*"
OBJECT_NAME = r"(?!/)[^\x00-\x1f\x7f]{1,900}"
JSON_OR_POINTER = r"\{(?s:.*)|(?:file|object):.+"


def ocid(kind: str) -> str:
    """The pattern of an OCID: https://docs.oracle.com/en-us/iaas/Content/General/Concepts/identifiers.htm."""
    return rf"ocid1\.(?:{kind})\.[\w-]+\.[\w-]*\.[\w.-]+"


def text(default: Any, pattern: str, allowed: str) -> Any:
    """A field that ``pattern`` must match as a whole."""
    return Field(default, pattern=_whole_text(pattern), description=allowed)


def pem(label: str, allowed: str) -> Any:
    """A field for a PEM text of ``label`` (a pattern), or a pointer to one."""
    pattern = rf"file:.+|vault:{ocid('vaultsecret')}|object:.+|(?s:.*)-----BEGIN {label}-----(?s:.*)"
    return text(None, pattern, f"a PEM text of {allowed}, {_ELSEWHERE}")


def whole(default: int, least: int, most: int) -> Any:
    """A field for a whole number."""
    return Field(default, ge=least, le=most, description=f"a whole number from {least} to {most}")


def number(default: float, least: float, most: float) -> Any:
    """A field for a number."""
    return Field(default, ge=least, le=most, description=f"a number from {least} to {most}")


def name_list(allowed: str) -> Any:
    """A field for a comma-separated list; ``()`` by default."""
    return Field((), description=f"{allowed}, comma-separated")


def split(value: str) -> tuple[str, ...]:
    """The parts of a comma-separated text, each once."""
    return tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))


def fits_a_message(value: int) -> int:
    """A size that is no limit at all (0), or holds a syslog message. Raises ValueError."""
    if 0 < value < MIN_BYTES:
        raise ValueError
    return value


def _split_some(value: str) -> tuple[str, ...]:
    if parts := split(value):
        return parts
    raise ValueError


def _whole_text(pattern: str) -> str:
    return rf"(?a)^(?:{pattern})\Z"


def _part(pattern: str) -> Any:
    return Field(pattern=_whole_text(pattern))


Split = BeforeValidator(_split_some)
Truth = Annotated[bool, BeforeValidator({"true": True, "false": False}.get)]
Region = Annotated[str, _part(r"all|[a-z]+(?:-[a-z]+)+-\d+")]
Compartment = Annotated[str, _part(ocid("compartment|tenancy"))]
Resource = Annotated[str, _part(ocid(r"\w+"))]
JsonPath = Annotated[str, _part(r"[^.]+(?:\.[^.]+)*")]
