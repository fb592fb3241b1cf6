"""Builds the selection of events: the RULES file, its rules, and the tamper watch."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from epimetheus.config.rules_file import RulesFile, read_rules
from epimetheus.config.settings import Settings
from epimetheus.select.rate_limits import RateLimits
from epimetheus.select.rules import Rules
from epimetheus.select.selection import Selection
from epimetheus.select.tamper_watch import TamperWatch
from epimetheus.source.local_references import References


@dataclass(frozen=True)
class SelectionWiring:
    """RULES, TAMPER_WATCH and OWN_EVENTS. RULES is read once. ``principals``: the OCIDs by which audit events identify Epimetheus."""

    settings: Settings
    principals: Sequence[str]
    references: References

    @cached_property
    def rules_text(self) -> str:
        """The JSON text of RULES, ``{}`` if it is not set. Raises ConfigError, SourceError, CredentialsError."""
        return self.references.read("RULES", self.settings.rules) or "{}"

    @cached_property
    def rules_file(self) -> tuple[RulesFile, tuple[str, ...]]:
        """RULES, and warnings about it. Raises ConfigError, SourceError, CredentialsError."""
        return read_rules("RULES", self.rules_text)

    def rules(self) -> Rules:
        """The rules that select events. Raises as `rules_file`."""
        return rules_from_file(self.rules_file[0], self.principals if self.settings.own_events == "summarize" else ())

    def tamper_watch(self) -> TamperWatch:
        """TAMPER_WATCH and the function itself, whose OCID cannot be among its own settings."""
        function = [ocid for ocid in self.principals if ocid.startswith("ocid1.fnfunc.")]
        return TamperWatch((*self.settings.tamper_watch, *dict.fromkeys(function)))

    def selection(self) -> Selection:
        """The selection, with rate limits that start empty."""
        return Selection(self.rules(), self.tamper_watch(), RateLimits({}))


def rules_from_file(file: RulesFile, own: Sequence[str]) -> Rules:
    """The rules of a RULES file. ``own``: OCIDs of Epimetheus, whose own polling is filtered."""
    filtering, users = file.event_filtering, file.event_filtering.user_filtering
    if not filtering.enabled:
        return Rules(own=own)
    return Rules(
        mode=filtering.mode,
        excluded=filtering.excluded_events,
        included=filtering.included_events,
        priority=filtering.priority_events,
        never_drop=filtering.never_drop,
        limits={pattern: limit.max_per_hour for pattern, limit in filtering.rate_limiting.items() if limit.enabled},
        without_services=users.exclude_service_accounts,
        services=users.service_accounts,
        excluded_users=users.exclude_users,
        only_users=users.include_only_users,
        own=own,
    )
