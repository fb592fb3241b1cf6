"""``--minutes``: the time limit of a command."""

import math
from typing import Annotated

import typer


def _reject_nan(minutes: float) -> float:
    """Reject NaN, which passes typer's own bounds. Raises typer.BadParameter."""
    if math.isnan(minutes):
        raise typer.BadParameter("nan is not in the range 0.1<=x<=1440.")
    return minutes


Minutes = Annotated[float, typer.Option(min=0.1, max=1440, callback=_reject_nan, help="Time limit in minutes.")]
