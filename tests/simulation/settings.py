"""The settings of a simulated deployment, as an operator changes them between runs; and which compartments they select."""

from dataclasses import dataclass, fields
from typing import Any

from epimetheus.run.ports import RunOptions
from epimetheus.select.rules import Rules

LIMIT = 2
NO_RULES = Rules()
RULES = Rules(mode="exclude", excluded=("DeleteBucket",), limits={"GetInstance": LIMIT})


@dataclass(frozen=True)
class Settings:
    """Times in minutes."""

    mode: str = "all"
    ids: tuple[str, ...] = ()
    listing: int = 0
    lookback: int = 0
    overlap: int = 15
    settle: int = 2
    slice: int = 60
    rules: Rules = NO_RULES
    concurrency: int = 0
    form: str = "cef"
    relp: bool = False

    @property
    def listing_max_age(self) -> int:
        return max(60, 2 * self.listing)

    def options(self, region: str, tenancy: str, *, run_message: bool) -> RunOptions:
        """As the product takes them."""
        given = {"region": region, "tenancy": tenancy, "run_message": run_message, "listing_max_age": self.listing_max_age}
        for name in ("mode", "ids", "listing", "lookback", "overlap", "settle", "slice", "concurrency"):
            given[name] = getattr(self, name)
        return known(RunOptions, given)


def known(kind: type, given: dict[str, Any]) -> Any:
    """``kind`` made of what it takes: so that one simulation serves versions of the product before and after a new argument."""
    names = {one.name for one in fields(kind)}
    return kind(**{name: value for name, value in given.items() if name in names})
