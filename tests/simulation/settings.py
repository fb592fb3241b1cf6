"""Settings of a simulated deployment, which an operator changes between runs."""

from dataclasses import dataclass, fields
from typing import Any

from epimetheus.ledger.seal_key import SealKey
from epimetheus.run.ports import RunOptions, SealOptions
from epimetheus.select.rules import Rules

LIMIT = 2
SEAL_KEY = SealKey.generate()
NO_RULES = Rules()
RULES = Rules(mode="exclude", excluded=("DeleteBucket",), limits={"GetInstance": LIMIT})


@dataclass(frozen=True)
class Settings:
    """Settings; times are in minutes."""

    mode: str = "all"
    ids: tuple[str, ...] = ()
    listing: int = 0
    lookback: int = 0
    overlap: int = 15
    settle: int = 2
    slice: int = 60
    rules: Rules = NO_RULES
    concurrency: int = 0
    sub_window_pages: int = 0
    form: str = "cef"
    relp: bool = False
    reconcile: tuple[int, ...] = (60, 1440)
    seal_messages: bool = True
    push: bool = False

    @property
    def listing_max_age(self) -> int:
        return max(60, 2 * self.listing)

    def options(self, region: str, tenancy: str) -> RunOptions:
        """As options of a run."""
        return RunOptions(
            region=region,
            tenancy=tenancy,
            mode=self.mode,
            ids=self.ids,
            listing_minutes=self.listing,
            listing_max_age_minutes=self.listing_max_age,
            lookback_minutes=self.lookback,
            overlap_minutes=self.overlap,
            settle_minutes=self.settle,
            slice_minutes=self.slice,
            concurrency=self.concurrency,
            sub_window_pages=self.sub_window_pages,
            seals=SealOptions(SEAL_KEY, self.seal_messages),
            reconcile_after=self.reconcile,
            push=self.push,
        )


def known(kind: type, given: dict[str, Any]) -> Any:
    """Build ``kind`` from the arguments it takes, so that one simulation runs versions with and without a new argument."""
    names = {one.name for one in fields(kind)}
    return kind(**{name: value for name, value in given.items() if name in names})
