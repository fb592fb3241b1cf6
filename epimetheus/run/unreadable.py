"""The errors of a run that could read nothing."""

from collections.abc import Mapping, Sequence

from epimetheus.errors import OutOfTime, SourceError
from epimetheus.model import count_text
from epimetheus.oci_client.policies import Policies
from epimetheus.run.plan import TaskOutcome
from epimetheus.source.fetch import FetchTask
from epimetheus.state.model import State

_NONE_HELP = (
    "The cursor does not move. Check the region, and OCI's status page. If no policy allows the call, add this statement (group NAME for a"
    f" user): {Policies().audit_events}"
)


def raise_if_none_readable(state: State, tasks: Sequence[FetchTask], outcomes: Mapping[str, TaskOutcome], *, readable: bool) -> None:
    """Raise SourceError if no compartment could be read, neither at the cursor nor earlier in this run: all of Audit is unreadable."""
    reasons = [outcome.reason for outcome in outcomes.values() if outcome.reason]
    if not readable and reasons and len(reasons) == len(tasks) and tasks[0].compartment not in state.behind:
        raise _none_readable(len(tasks), reasons[0])


def raise_if_nothing_read(state: State, excluded: Mapping[str, str], *, end: int) -> None:
    """Raise if a run with events to read through the minute ``end`` has read no page. ``excluded``: OCID → reason.

    Raises SourceError, OutOfTime.
    """
    if excluded:
        raise _none_readable(len(excluded), excluded[min(excluded)])
    if state.through < end or state.behind:
        raise OutOfTime("No events were read before the deadline of the run.", do="Raise the timeout; see docs/operate.md, lag.")


def _none_readable(count: int, reason: str) -> SourceError:
    """The error of a run that could read none of ``count`` compartments. ``reason``: why the first one stopped."""
    return SourceError(f"0 of {count_text(count, 'compartment')} could be read. The first error: {reason}", do=_NONE_HELP)
