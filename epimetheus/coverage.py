"""What a run covers, for its report: which regions and compartments exist, and which of them are polled. Immutable, without I/O."""

import msgspec


class RegionCoverage(msgspec.Struct, frozen=True, kw_only=True):
    """The regions of the tenancy, by name.

    ``all``: REGIONS=all. ``listed``: when the subscribed regions were last listed (RFC 3339), None if that is not known. ``subscribed``:
    home region first, None if OCI has not listed them yet. ``polled``: by this invocation. ``excluded``: subscribed, but not named by
    REGIONS. ``uncovered``: subscribed and neither polled nor excluded. ``home``: the home region; IAM events are recorded there.
    """

    all: bool
    listed: str | None
    subscribed: list[str] | None
    polled: list[str]
    excluded: list[str]
    uncovered: list[str]
    home: str | None
    home_polled: bool | None

    @property
    def gaps(self) -> int:
        """The number of uncovered regions. Subscribed regions that are not known, although REGIONS is all, count as one."""
        return len(self.uncovered) + (self.all and self.subscribed is None)


class CompartmentCoverage(msgspec.Struct, frozen=True, kw_only=True):
    """The compartments of the tenancy, as last listed; ``existing = polled + excluded``, without those that are deleted or vanished.

    ``excluded`` by COMPARTMENT_MODE and COMPARTMENT_IDS. ``unreadable``: OCIDs of polled compartments whose events OCI refuses (404).
    ``unlisted``: OCIDs of compartments whose children could not be listed in this run.
    """

    existing: int
    polled: int
    excluded: int
    unreadable: list[str]
    unlisted: list[str]

    @property
    def gaps(self) -> int:
        """The number of compartments that are not covered, or may have children that are not covered."""
        return len({*self.unreadable, *self.unlisted})


class Coverage(msgspec.Struct, frozen=True):
    """What a run covers of the tenancy."""

    regions: RegionCoverage
    compartments: CompartmentCoverage
