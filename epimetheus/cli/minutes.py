"""``--minutes``: the time limit of a command."""

from typing import Annotated

import typer

LEAST, MOST = 0.1, 1440
_EXPECTED = f"expected a number of minutes from {LEAST} to {MOST}"


def _parse(text: str | float) -> float:
    """The number of minutes in ``text``. Raises typer.BadParameter, also for NaN."""
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    if not LEAST <= minutes <= MOST:
        raise typer.BadParameter(f"{str(text)[:20]}: {_EXPECTED}.")
    return minutes


Minutes = Annotated[
    float, typer.Option(parser=_parse, metavar="MINUTES", help=f"Time limit in minutes. From {LEAST} to {MOST}.", show_default=True)
]
