"""The rules file: what the Go program's ``event_filtering`` and ``statistics`` may hold, key for key, and what is new here.

The Go program keeps its field map in the same file; those keys are let in here and left to FIELD_MAP.
"""

import fnmatch
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from epimetheus.config.json_document import LIST, WITHOUT_NULLS, Finding, Section, checked, matching, messages, read
from epimetheus.config.json_positions import Path

_BEGINNING = "com.oraclecloud."  # of every event type of OCI

_PATTERN = "up to 255 letters, digits and . _ : - as event types and names have them, and * for anything"
Pattern = Annotated[str, matching(r"[A-Za-z0-9_.:*-]{1,255}", _PATTERN)]
Patterns = Annotated[tuple[Pattern, ...], LIST]
User = Annotated[str, matching(r"(?s:.*\S.*)", "a user's name or OCID, not an empty text")]
Users = Annotated[tuple[User, ...], LIST]


class RateLimit(Section):
    """At most so many events of a type in an hour; one that is not enabled is no limit."""

    enabled: bool = True
    max_per_hour: int

    @field_validator("max_per_hour")
    @classmethod
    def _enough(cls, value: int, info: ValidationInfo) -> int:
        if value < (1 if info.data.get("enabled") else 0):
            raise PydanticCustomError("not_allowed", "a whole number of 1 or more, or 0 where enabled is false")
        return value


class UserFiltering(Section):
    """Whose events are left out, or the only ones to be sent; users by name or OCID. ``service_accounts`` are known to be no people."""

    exclude_service_accounts: bool = False
    exclude_users: Users = ()
    include_only_users: Users = ()
    service_accounts: Users = ()


class EventFiltering(Section):
    """Which events are sent: ``mode`` says which of the two lists counts; patterns as in `patterns`; limits by pattern.

    ``never_drop`` and ``priority_events`` come before the lists and the users; ``never_drop`` also before the limits.
    """

    enabled: bool = True
    mode: Literal["include", "exclude", "all"] = "exclude"
    excluded_events: Patterns = ()
    included_events: Patterns = ()
    priority_events: Patterns = ()
    never_drop: Patterns = ()
    rate_limiting: Annotated[dict[Pattern, RateLimit], WITHOUT_NULLS] = Field(default_factory=dict)
    user_filtering: UserFiltering = UserFiltering()


class Statistics(Section):
    """What is told about the work; ``log_interval_events`` 0: nothing in between."""

    enable_detailed_logging: bool = False
    log_interval_events: int = Field(default=0, ge=0)
    track_cache_metrics: bool = False
    track_performance_metrics: bool = False


Severity = Annotated[int, checked(lambda value: 0 <= value <= 10, "a whole number from 0 to 10")]


class RulesFile(Section):
    """The whole file. ``severity`` is pattern → 0 to 10, as CEF counts; the first that matches counts."""

    event_filtering: EventFiltering = EventFiltering()
    statistics: Statistics = Statistics()
    severity: Annotated[dict[Pattern, Severity], WITHOUT_NULLS] = Field(default_factory=dict)
    formats: object = None
    ordered_fields: object = None
    field_mappings: object = None
    lookups: object = None
    cache_invalidation_rules: object = None
    cef_vendor: object = None
    cef_product: object = None
    cef_version: object = None


def read_rules(key: str, text: str) -> tuple[RulesFile, tuple[str, ...]]:
    """The rules in a JSON ``text`` that setting ``key`` stands for, and warnings: what in it comes to nothing, or to the unexpected.

    Raises ConfigError with all mistakes, each with its line and its path.
    """
    rules = read(RulesFile, key, text)
    return rules, messages(key, text, _warnings(rules))


_FILTERING: Path = ("event_filtering",)
_USERS: Path = (*_FILTERING, "user_filtering")


def _warnings(rules: RulesFile) -> Iterator[Finding]:
    filtering = rules.event_filtering
    if not filtering.enabled:
        if filtering != EventFiltering(enabled=False):
            yield Finding((*_FILTERING, "enabled"), "no rule of event_filtering is applied, every event is sent")
    else:
        yield from _by_mode(filtering)
        yield from _overruled(filtering)
        yield from _among_users(filtering.user_filtering)
        yield from _of_patterns(_patterns(filtering))
    yield from _of_patterns([(("severity",), tuple(rules.severity))])


def _by_mode(filtering: EventFiltering) -> Iterator[Finding]:
    """What the mode makes of the two lists."""
    mode, excluded, included = filtering.mode, filtering.excluded_events, filtering.included_events
    if mode != "exclude" and excluded:
        yield Finding((*_FILTERING, "excluded_events"), f"mode {mode} does not look at this list, nothing is left out by it")
    if mode != "include" and included:
        yield Finding((*_FILTERING, "included_events"), f"mode {mode} does not look at this list, other events are sent as well")
    if mode == "include" and not included:
        yield Finding((*_FILTERING, "mode"), "included_events is empty, every event is sent")
    says = {"exclude": "is left out", "include": "is sent", "all": "is sent"}[mode]
    for index in _held(included, excluded):
        yield Finding((*_FILTERING, "included_events", index), f"this stands in excluded_events as well; by mode {mode} it {says}")


def _overruled(filtering: EventFiltering) -> Iterator[Finding]:
    """What comes before other rules, and leaves nothing for them to do."""
    for name, first in (("never_drop", filtering.never_drop), ("priority_events", filtering.priority_events)):
        for index in _covered(filtering.excluded_events, first) if filtering.mode == "exclude" else ():
            yield Finding((*_FILTERING, "excluded_events", index), f"{name} has this and comes before, it is sent")
    limits = [pattern for pattern, limit in filtering.rate_limiting.items() if limit.enabled]
    for index in _covered(limits, filtering.never_drop):
        yield Finding((*_FILTERING, "rate_limiting", limits[index]), "never_drop has this and comes before, it is not limited")


def _among_users(users: UserFiltering) -> Iterator[Finding]:
    for index in _held(users.include_only_users, users.exclude_users, _user):
        yield Finding((*_USERS, "include_only_users", index), "exclude_users has this as well and comes before, it is left out")
    if users.exclude_service_accounts and users.include_only_users:
        what = "of those in include_only_users, who is a service is left out as well"
        yield Finding((*_USERS, "exclude_service_accounts"), what)
    for name in ("exclude_users", "include_only_users", "service_accounts"):
        yield from _twice((*_USERS, name), getattr(users, name), _user)


def _patterns(filtering: EventFiltering) -> Iterator[tuple[Path, Sequence[str]]]:
    for name in ("excluded_events", "included_events", "priority_events", "never_drop", "rate_limiting"):
        yield (*_FILTERING, name), tuple(getattr(filtering, name))


def _of_patterns(lists: Iterable[tuple[Path, Sequence[str]]]) -> Iterator[Finding]:
    """What is odd about each pattern by itself. Where patterns are keys, they are their own place."""
    for path, patterns in lists:
        keys = path[-1] in ("rate_limiting", "severity")
        yield from _twice(path, patterns, str.casefold, keys=keys)
        for index, pattern in enumerate(patterns):
            if "." in pattern and not _may_begin(pattern.casefold()):
                what = f"this matches no event of OCI: their types begin with {_BEGINNING}, and a name has no dot"
                yield Finding((*path, pattern if keys else index), what)


def _may_begin(pattern: str) -> bool:
    """Whether there may be a type of OCI like this."""
    begins, star, _ = pattern.partition("*")
    return begins.startswith(_BEGINNING) or (star != "" and _BEGINNING.startswith(begins))


def _twice(path: Path, names: Sequence[str], folded: Callable[[str], str], *, keys: bool = False) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for index, name in enumerate(names):
        if first.setdefault(folded(name), index) != index:
            yield Finding((*path, name if keys else index), "this stands here already, without regard to case")


def _user(name: str) -> str:
    return name.strip().casefold()


def _held(names: Sequence[str], others: Iterable[str], folded: Callable[[str], str] = str.casefold) -> Iterator[int]:
    """The indices of those of ``names`` that are among ``others``."""
    known = {folded(other) for other in others}
    return (index for index, name in enumerate(names) if folded(name) in known)


_MANY = 100  # patterns with * that others are compared with; more would take too long


def _covered(patterns: Sequence[str], others: Sequence[str]) -> Iterator[int]:
    """The indices of those of ``patterns`` that match nothing which ``others`` do not match as well, as far as one can see."""
    same = dict.fromkeys(map(str.casefold, others))
    wider = [re.compile(fnmatch.translate(other)) for other in islice((other for other in same if "*" in other), _MANY)]
    for index, pattern in enumerate(map(str.casefold, patterns)):
        name = pattern.rpartition(".")[2]
        if pattern in same or name in same or any(glob.match(pattern) or glob.match(name) for glob in wider):
            yield index


