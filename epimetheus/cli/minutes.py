"""``--minutes``: how long a command may take."""

import math
from typing import Annotated

import typer


def _is_number(minutes: float) -> float:
    """Typer's own bounds let NaN pass: it is neither below nor above them. Raises typer.BadParameter."""
    if math.isnan(minutes):
        raise typer.BadParameter("nan is not in the range 0.1<=x<=1440.")
    return minutes


Minutes = Annotated[float, typer.Option(min=0.1, max=1440, callback=_is_number, help="End after so many minutes, at the latest.")]
