"""From the RULES file to the rules that events are selected by."""

from collections.abc import Sequence

from epimetheus.files.rules import RulesFile
from epimetheus.select.rules import Rules


def rules_of(file: RulesFile, own: Sequence[str]) -> Rules:
    """What a rules file says, as the stage wants it; ``own``: OCIDs of ourselves whose polling is left out."""
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
