"""Field builders for `Settings`: each states what is accepted once for pydantic (a pattern or bounds) and once as text for people."""

from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic.config import JsonDict

from epimetheus.render.renderer import MIN_BYTES

_MAX_PASSES = 4
_REFERENCES = "file:PATH, vault:SECRET_OCID or object:NAME"
ADDRESS = r"(?=.{1,253}\Z)[\w-]+(?:\.[\w-]+)*|[0-9A-Fa-f:.]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*"
OBJECT_NAME = r"(?!/)[^\x00-\x1f\x7f]{1,900}"
JSON_OR_REFERENCE = r"\{(?s:.*)|(?:file|object):.+"
_KEY_LENGTH = 3  # of every region key


def ocid(kind: str) -> str:
    """The pattern of an OCID: https://docs.oracle.com/en-us/iaas/Content/General/Concepts/identifiers.htm."""
    return rf"ocid1\.(?:{kind})\.[\w-]+\.[\w-]*\.[\w.-]+"


class Group(NamedTuple):
    """A group of settings, and the builders of its fields.

    ``description`` says what the setting does, ``accepted`` completes "expected …", ``unset`` says what applies if the setting is not set.
    """

    title: str

    def field(self, default: Any, accepted: str | None, description: str, *, unset: str | None = None, **constraints: Any) -> Any:
        """A field with pydantic's own ``constraints``; without ``accepted`` the text is derived from the annotation."""
        extra: JsonDict = {"group": self.title, "accepted": accepted, "unset": unset}
        return Field(default, description=description, json_schema_extra=extra, **constraints)

    def choice(self, default: str, description: str, *, unset: str | None = None) -> Any:
        """A field whose annotation is a Literal."""
        return self.field(default, None, description, unset=unset)

    def string(self, default: Any, pattern: str, accepted: str, description: str, *, unset: str | None = None) -> Any:
        """A field whose whole value matches ``pattern``."""
        return self.field(default, accepted, description, unset=unset, pattern=_whole(pattern))

    def pem(self, label: str, accepted: str, description: str, *, unset: str | None = None) -> Any:
        """A field for PEM text with ``label`` (a pattern), or a reference to it."""
        spaced = rf"BEGIN {label}".replace(" ", r"\s*")  # `epimetheus.pem` reads text that lost its line ends and spaces
        pattern = rf"file:.+|vault:{ocid('vaultsecret')}|object:.+|(?s:.*)-----{spaced}-----(?s:.*)"
        return self.string(None, pattern, f"{accepted}, {_REFERENCES}", description, unset=unset)

    def json(self, description: str) -> Any:
        """A field for a JSON object, or a reference to it."""
        return self.string(None, JSON_OR_REFERENCE, "a JSON object, file:PATH or object:NAME", description)

    def integer(self, default: int, minimum: int, maximum: int, description: str, *, unset: str | None = None) -> Any:
        """A field for an integer."""
        return self.field(default, f"an integer from {minimum} to {maximum}", description, unset=unset, ge=minimum, le=maximum)

    def boolean(self, default: bool, description: str) -> Any:
        """A field whose annotation is `Boolean`."""
        return self.field(default, "true or false", description)

    def number(self, default: float, minimum: float, maximum: float, description: str) -> Any:
        """A field for a number."""
        return self.field(default, f"a number from {minimum} to {maximum}", description, ge=minimum, le=maximum)

    def names(self, accepted: str, description: str, *, default: tuple[str, ...] = ()) -> Any:
        """A field for a comma-separated list."""
        return self.field(default, f"{accepted}, comma-separated", description, unset=",".join(default) or None)


def split(value: str) -> tuple[str, ...]:
    """The distinct parts of a comma-separated text, in order."""
    return tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))


def region_name(text: str) -> str:
    """The region identifier for an identifier or a region key, in any letter case: ``IAD`` becomes ``us-ashburn-1``."""
    lowered = text.strip().lower()
    if len(lowered) != _KEY_LENGTH or lowered == "all":
        return lowered
    from oci.regions import REGIONS_SHORT_NAMES  # noqa: PLC0415 - imports the OCI SDK, which takes long

    return str(REGIONS_SHORT_NAMES.get(lowered, lowered))


def check_message_size(value: int) -> int:
    """A size that is unlimited (0) or large enough for a syslog message. Raises ValueError."""
    if 0 < value < MIN_BYTES:
        raise ValueError
    return value


def _split_not_empty(value: str) -> tuple[str, ...]:
    if parts := split(value):
        return parts
    raise ValueError


def _split_if_given(value: str | None) -> tuple[str, ...]:
    return _split_not_empty(value) if value else ()


def _few(value: str | None) -> tuple[str, ...]:
    parts = _split_if_given(value)
    if len(parts) > _MAX_PASSES or len(parts) < len([part for part in (value or "").split(",") if part.strip()]):  # one is repeated
        raise ValueError
    return parts


def _ascending(minutes: tuple[int, ...]) -> tuple[int, ...]:
    """``minutes`` in ascending order. Raises ValueError if one is repeated, such as 60 and 060."""
    if len(set(minutes)) < len(minutes):
        raise ValueError
    return tuple(sorted(minutes))


def _whole(pattern: str) -> str:
    return rf"(?a)^(?:{pattern})\Z"


def _item(pattern: str) -> Any:
    return Field(pattern=_whole(pattern))


Split = BeforeValidator(_split_not_empty)
Boolean = Annotated[bool, BeforeValidator({"true": True, "false": False}.get)]
Region = Annotated[str, BeforeValidator(region_name), _item(r"all|[a-z]+(?:-[a-z]+)+-\d+")]
Distinct = AfterValidator(lambda names: tuple(dict.fromkeys(names)))
"""For a list whose items may have several forms: two forms of one item are one item."""
Passes = Annotated[tuple[Annotated[int, Field(ge=5, le=10080)], ...], BeforeValidator(_few), AfterValidator(_ascending)]
"""Ages in minutes, in ascending order; empty for an empty text."""
Compartment = Annotated[str, _item(ocid("compartment|tenancy"))]
Resource = Annotated[str, _item(ocid(r"\w+"))]
JsonPath = Annotated[str, _item(r"[^.\s;]+(?:\.[^.\s;]+)*")]
