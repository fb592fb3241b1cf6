"""What the documentation says about a setting."""

from typing import Any, NamedTuple, cast, get_args

from pydantic.fields import FieldInfo


class SettingReference(NamedTuple):
    """What the documentation says about one setting; ``accepted`` completes "expected …"."""

    group: str
    description: str
    accepted: str
    default: str


def setting_reference(field: FieldInfo) -> SettingReference:
    """The reference of a field that a `Group` built."""
    extra = cast("dict[str, Any]", field.json_schema_extra)
    accepted = extra["accepted"] or listed(get_args(field.annotation))
    return SettingReference(extra["group"], field.description or "", accepted, _default(field, extra["unset"]))


def listed(choices: tuple[str, ...]) -> str:
    """``a, b or c``."""
    return f"{', '.join(choices[:-1])} or {choices[-1]}"


def _default(field: FieldInfo, unset: str | None) -> str:
    if field.is_required():
        return "required"
    if unset or field.default in (None, ()):
        return unset or "none"
    return str(field.default).lower() if isinstance(field.default, bool) else f"{field.default}".removesuffix(".0")
