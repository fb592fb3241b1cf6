"""RULES: the Go program's ``event_filtering`` and ``statistics`` with the same keys, and keys that are new here.

The Go program keeps its field map in the same file: those keys are accepted here, and read by `field_map`.
"""

import fnmatch
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from epimetheus.config.json_document import ARBITRARY_KEYS, LIST, Finding, Section, checked, invalid, matching, messages, read
from epimetheus.config.json_positions import Path

_EVENT_TYPE_PREFIX = "com.oraclecloud."
_PROBLEM_PREFIX = "CloudGuardProblem."
_ONLY_PROBLEMS = f"of Cloud Guard, only problems are forwarded, as {_PROBLEM_PREFIX}RULE"
_NOT_FORWARDED = MappingProxyType(
    {"cloudguarddetector.": _ONLY_PROBLEMS, "cloudguardtarget.": _ONLY_PROBLEMS, "vcnflowlog": "VCN flow logs are not forwarded"}
)
"""Event types that only the Go program forwarded, by their beginning in lower case → why they match nothing."""

_PATTERN = "up to 255 letters, digits and . _ : -, with * as a wildcard"
Pattern = Annotated[str, matching(r"[A-Za-z0-9_.:*-]{1,255}", _PATTERN)]
Patterns = Annotated[tuple[Pattern, ...], LIST]
User = Annotated[str, matching(r"(?s:.*\S.*)", "a user name or OCID, not empty")]
Users = Annotated[tuple[User, ...], LIST]


class RateLimit(Section):
    """The maximum number of events of one type for each hour; without effect if not ``enabled``."""

    enabled: bool = True
    max_per_hour: int

    @field_validator("max_per_hour")
    @classmethod
    def _at_least_one(cls, value: int, info: ValidationInfo) -> int:
        if value < (1 if info.data.get("enabled") else 0):
            raise invalid("an integer of at least 1, or 0 if enabled is false")
        return value


class UserFiltering(Section):
    """Users, by name or OCID, whose events are excluded or exclusively included; ``service_accounts`` count as services."""

    exclude_service_accounts: bool = False
    exclude_users: Users = ()
    include_only_users: Users = ()
    service_accounts: Users = ()


class EventFiltering(Section):
    """Which events are sent. ``mode`` selects the list that applies; patterns are those of `event_patterns`.

    ``never_drop`` and ``priority_events`` take precedence over lists and users; ``never_drop`` also over rate limits.
    """

    enabled: bool = True
    mode: Literal["include", "exclude", "all"] = "exclude"
    excluded_events: Patterns = ()
    included_events: Patterns = ()
    priority_events: Patterns = ()
    never_drop: Patterns = ()
    rate_limiting: Annotated[dict[Pattern, RateLimit], ARBITRARY_KEYS] = Field(default_factory=dict)
    user_filtering: UserFiltering = UserFiltering()


class Statistics(Section):
    """What a run logs and measures in addition; ``log_interval_events`` 0 logs nothing between the start and the end."""

    enable_detailed_logging: bool = False
    log_interval_events: int = Field(default=0, ge=0)
    track_cache_metrics: bool = False
    track_performance_metrics: bool = False


Severity = Annotated[int, checked(lambda value: 0 <= value <= 10, "an integer from 0 to 10")]


class RulesFile(Section):
    """The whole file. ``severity`` is pattern → CEF severity, 0 to 10; the first match applies."""

    event_filtering: EventFiltering = EventFiltering()
    statistics: Statistics = Statistics()
    severity: Annotated[dict[Pattern, Severity], ARBITRARY_KEYS] = Field(default_factory=dict)
    formats: object = None
    ordered_fields: object = None
    field_mappings: object = None
    service_mappings: object = None
    lookups: object = None
    cache_invalidation_rules: object = None
    cef_vendor: object = None
    cef_product: object = None
    cef_version: object = None


def read_rules(key: str, text: str) -> tuple[RulesFile, tuple[str, ...]]:
    """The rules in the JSON ``text`` of setting ``key``, and warnings about rules that have no effect or an unexpected one.

    Raises ConfigError with all problems, each with its line and path.
    """
    rules = read(RulesFile, key, text)
    return rules, messages(key, text, _warnings(rules))


_FILTERING: Path = ("event_filtering",)
_USERS: Path = (*_FILTERING, "user_filtering")


def _warnings(rules: RulesFile) -> Iterator[Finding]:
    filtering = rules.event_filtering
    if not filtering.enabled:
        if filtering != EventFiltering(enabled=False):
            yield Finding((*_FILTERING, "enabled"), "event_filtering is disabled: none of its rules applies, and every event is sent")
    else:
        yield from _ignored_by_mode(filtering)
        yield from _overridden(filtering)
        yield from _user_warnings(filtering.user_filtering)
        yield from _pattern_warnings(_pattern_lists(filtering))
    yield from _pattern_warnings([(("severity",), tuple(rules.severity))])


def _ignored_by_mode(filtering: EventFiltering) -> Iterator[Finding]:
    """Lists and entries that the mode ignores."""
    mode, excluded, included = filtering.mode, filtering.excluded_events, filtering.included_events
    if mode != "exclude" and excluded:
        yield Finding((*_FILTERING, "excluded_events"), f"mode {mode} ignores this list: it excludes no event")
    if mode != "include" and included:
        yield Finding((*_FILTERING, "included_events"), f"mode {mode} ignores this list: other events are sent, too")
    if mode == "include" and not included:
        yield Finding((*_FILTERING, "mode"), "included_events is empty: every event is sent")
    outcome = {"exclude": "excluded", "include": "sent", "all": "sent"}[mode]
    for index in _common(included, excluded):
        yield Finding((*_FILTERING, "included_events", index), f"also in excluded_events: with mode {mode} the event is {outcome}")


def _overridden(filtering: EventFiltering) -> Iterator[Finding]:
    """Rules that another rule makes ineffective."""
    for name, first in (("never_drop", filtering.never_drop), ("priority_events", filtering.priority_events)):
        for index in _covered(filtering.excluded_events, first) if filtering.mode == "exclude" else ():
            yield Finding((*_FILTERING, "excluded_events", index), f"{name} covers this pattern and takes precedence: the events are sent")
    limits = [pattern for pattern, limit in filtering.rate_limiting.items() if limit.enabled]
    for index in _covered(limits, filtering.never_drop):
        what = "never_drop covers this pattern and takes precedence: the events are not limited"
        yield Finding((*_FILTERING, "rate_limiting", limits[index]), what)


def _user_warnings(users: UserFiltering) -> Iterator[Finding]:
    for index in _common(users.include_only_users, users.exclude_users, _normalized_user):
        what = "also in exclude_users, which takes precedence: the user's events are excluded"
        yield Finding((*_USERS, "include_only_users", index), what)
    if users.exclude_service_accounts and users.include_only_users:
        yield Finding((*_USERS, "exclude_service_accounts"), "service accounts in include_only_users are excluded, too")
    for name in ("exclude_users", "include_only_users", "service_accounts"):
        yield from _duplicates((*_USERS, name), getattr(users, name), _normalized_user)


def _pattern_lists(filtering: EventFiltering) -> Iterator[tuple[Path, Sequence[str]]]:
    for name in ("excluded_events", "included_events", "priority_events", "never_drop", "rate_limiting"):
        yield (*_FILTERING, name), tuple(getattr(filtering, name))


def _pattern_warnings(lists: Iterable[tuple[Path, Sequence[str]]]) -> Iterator[Finding]:
    """Warnings about single patterns. A pattern that is a key is located by itself, otherwise by its index."""
    for path, patterns in lists:
        keys = path[-1] in ("rate_limiting", "severity")
        yield from _duplicates(path, patterns, str.casefold, keys=keys)
        for index, pattern in enumerate(patterns):
            if what := _matches_nothing(pattern.casefold()):
                yield Finding((*path, pattern if keys else index), what)


def _matches_nothing(pattern: str) -> str | None:
    """Why a pattern in lower case can match no event; None if it can."""
    start, star, _ = pattern.partition("*")
    if reason := next((reason for kind, reason in _NOT_FORWARDED.items() if start.startswith(kind)), None):
        return f"matches nothing: {reason}"
    prefixes = (_EVENT_TYPE_PREFIX, _PROBLEM_PREFIX.casefold())
    if "." not in pattern or start.startswith(prefixes) or (star and any(prefix.startswith(start) for prefix in prefixes)):
        return None
    return f"matches no OCI event: event types start with {_EVENT_TYPE_PREFIX}, and event names contain no dot"


def _duplicates(path: Path, names: Sequence[str], normalize: Callable[[str], str], *, keys: bool = False) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for index, name in enumerate(names):
        if first.setdefault(normalize(name), index) != index:
            yield Finding((*path, name if keys else index), "duplicate entry; letter case is ignored")


def _normalized_user(name: str) -> str:
    return name.strip().casefold()


def _common(names: Sequence[str], others: Iterable[str], normalize: Callable[[str], str] = str.casefold) -> Iterator[int]:
    """The indices of the ``names`` that are in ``others``."""
    known = {normalize(other) for other in others}
    return (index for index, name in enumerate(names) if normalize(name) in known)


_MAX_WILDCARDS = 100  # patterns with * to compare with; more would take too long


def _covered(patterns: Sequence[str], others: Sequence[str]) -> Iterator[int]:
    """The indices of the ``patterns`` whose matches ``others`` all match; some are not detected."""
    same = dict.fromkeys(map(str.casefold, others))
    wider = [re.compile(fnmatch.translate(other)) for other in islice((other for other in same if "*" in other), _MAX_WILDCARDS)]
    for index, pattern in enumerate(map(str.casefold, patterns)):
        name = pattern.rpartition(".")[2]
        if pattern in same or name in same or any(glob.match(pattern) or glob.match(name) for glob in wider):
            yield index
