"""Reviews valid RULES before they are deployed: rules under which nothing is sent, and names of events that OCI does not have.

`epimetheus.config.rules_file` warns about what is certain. These warnings depend on the events that are known, so only the command line
shows them.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from difflib import get_close_matches

from epimetheus.cli.sdk_operations import sdk_operations
from epimetheus.config.json_document import Finding, messages
from epimetheus.config.json_positions import Path
from epimetheus.config.rules_file import EventFiltering, RulesFile, UserFiltering, read_rules
from epimetheus.event_patterns import compile_patterns

OTHER_EVENTS = (
    "ActivateUser", "AddAppRoleMember", "AddGroupMember", "AppAccess", "AuthFactorInitiated", "ChangePassword", "CreateBypassCode",
    "DeactivateUser", "DetachTarget", "FederatedInteractiveLogin", "FederatedInteractiveLoginAttempt", "InteractiveLogin", "LockUser",
    "Logout", "RemoveAppRoleMember", "RemoveGroupMember", "ResetPassword", "UnlockUser",
)  # fmt: skip
"""Names of events that are no operation of an API: sign-ons, and changes in an identity domain."""

_TYPE = re.compile(r"com\.oraclecloud\.(?:[\w*]+\.)?(?P<name>[A-Za-z*]+?)(?:\.(?:begin|end|\*))?", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z*]+")
_FILTERING: Path = ("event_filtering",)
_ANY_TYPE = "com.oraclecloud.anyservice.{}"  # a service that no pattern names
_MAX_COMPARED = 100
_MAX_SUGGESTIONS = 20  # comparing a name with thousands takes a while


def review_rules(key: str, text: str, rules: RulesFile, operations: Collection[str]) -> tuple[str, ...]:
    """Warnings about the rules in the JSON ``text`` of setting ``key``. ``operations``: the names of OCI's operations."""
    names = sorted({*operations, *OTHER_EVENTS})
    return messages(key, text, [*_nothing_sent(rules.event_filtering, names), *_unknown_events(rules, names)])


def rules_warnings(key: str, text: str) -> tuple[str, ...]:
    """All warnings about the rules in ``text``, also those of `review_rules` with the operations of the SDK. Raises ConfigError."""
    rules, warnings = read_rules(key, text)
    operations = sdk_operations() if names_events(rules) else ()
    return (*warnings, *review_rules(key, text, rules, operations))


def names_events(rules: RulesFile) -> bool:
    """Whether a rule has a pattern, so that `review_rules` needs the known names."""
    return any(patterns for _, patterns in _pattern_lists(rules))


def _nothing_sent(filtering: EventFiltering, names: Sequence[str]) -> Iterator[Finding]:
    exempt = [*filtering.never_drop, *filtering.priority_events]
    if not filtering.enabled or any(_may_match(pattern, names) for pattern in exempt):
        return
    if filtering.mode == "exclude" and _excludes_all(filtering.excluded_events, names):
        yield Finding((*_FILTERING, "excluded_events"), "these patterns match every event, so no event would be sent")
    included = filtering.included_events
    if filtering.mode == "include" and included and not any(_may_match(pattern, names) for pattern in included):
        yield Finding((*_FILTERING, "included_events"), "none of these patterns matches a known event, so no event would be sent")
    if _excludes_all_users(filtering.user_filtering):
        where = (*_FILTERING, "user_filtering", "include_only_users")
        yield Finding(where, "each of these users is excluded by another rule, so no event would be sent")


def _excludes_all(patterns: Iterable[str], names: Sequence[str]) -> bool:
    excluded = compile_patterns(patterns)
    return all(excluded.fullmatch(name) or excluded.fullmatch(_ANY_TYPE.format(name)) for name in names)


def _excludes_all_users(users: UserFiltering) -> bool:
    only = {name.strip().casefold() for name in users.include_only_users}
    excluded = [*users.exclude_users, *(users.service_accounts if users.exclude_service_accounts else ())]
    return bool(only) and only <= {name.strip().casefold() for name in excluded}


def _unknown_events(rules: RulesFile, names: Sequence[str]) -> Iterator[Finding]:
    suggested = 0
    for path, patterns in _pattern_lists(rules):
        for index, pattern in enumerate(patterns):
            if _may_match(pattern, names):
                continue
            hint, suggested = _suggestion(pattern, names) if suggested < _MAX_SUGGESTIONS else "", suggested + 1
            what = "matches no known event name" if "*" in pattern else "is not a known event name"
            is_key = path[-1] in ("rate_limiting", "severity")
            yield Finding((*path, pattern if is_key else index), f"{pattern} {what}{hint}")


def _suggestion(pattern: str, names: Sequence[str]) -> str:
    name = _name_of(pattern)
    if not name or "*" in name:
        return ""
    lowered = {known.lower(): known for known in names if known[0].lower() == name[0].lower()}
    close = get_close_matches(name.lower()[:_MAX_COMPARED], lowered, n=1, cutoff=0.75)
    return f". Did you mean {lowered[close[0]]}?" if close else ""


def _pattern_lists(rules: RulesFile) -> Iterator[tuple[Path, Sequence[str]]]:
    filtering = rules.event_filtering
    for name in ("excluded_events", "included_events", "priority_events", "never_drop", "rate_limiting"):
        yield (*_FILTERING, name), tuple(getattr(filtering, name))
    yield ("severity",), tuple(rules.severity)


def _may_match(pattern: str, names: Sequence[str]) -> bool:
    """Whether the pattern may match an event. Only the names of events are known, not their services."""
    name = _name_of(pattern)
    if name is None:
        return True
    compiled = compile_patterns([name])
    return any(compiled.fullmatch(known) for known in names)


def _name_of(pattern: str) -> str | None:
    """The part of a pattern that is compared with the name of an event; None if it has another form."""
    if match := _TYPE.fullmatch(pattern):
        return match["name"]
    return pattern if _NAME.fullmatch(pattern) else None
