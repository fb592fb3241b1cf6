"""Health check of reconciliation: how much of the closed windows that are due is not listed again yet."""

from epimetheus.clock import Deadline
from epimetheus.health.context import HealthContext
from epimetheus.health.model import CheckResult
from epimetheus.model import minute_text
from epimetheus.run.reconcile_plan import lag_minutes

LAG_HOURS = 24
"""Above it, reconciliation is degraded: the last pass lists a day at once, so up to a day is due for a moment."""

_HELP = "Give runs more time: raise the function's timeout, or the frequency of the schedule. Or use fewer passes (RECONCILE_AFTER)."


def check_reconciliation(context: HealthContext, _: Deadline) -> CheckResult:
    """How far each pass is behind."""
    if not context.wiring.settings.reconcile_after:
        return CheckResult("RECONCILE_AFTER is empty: no window is listed again.", "skipped")
    if (state := context.states.get(context.region)) is None:
        return CheckResult("No usable state exists.", "skipped")
    if not state.reconciled:
        return CheckResult("No pass has begun yet.", "skipped")
    lags = lag_minutes(state, int(context.now() // 60))
    shown = [
        f"after {after} min: through {minute_text(one.through)}, {lags[after] / 60:.1f} h due"
        for after, one in sorted(state.reconciled.items())
    ]
    degraded = max(lags.values()) > LAG_HOURS * 60
    what = f"Listed again {'; '.join(shown)} (degraded over {LAG_HOURS} h)."
    return CheckResult(what, "degraded" if degraded else "ok", _HELP if degraded else "")
