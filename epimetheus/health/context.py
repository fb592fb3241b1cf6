"""What health checks share: the settings under test, and what earlier checks found."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from epimetheus.clock import Clock, Deadline
from epimetheus.config.settings import Settings
from epimetheus.errors import ReceiverUntrusted
from epimetheus.oci_client.clock_offset import to_oci_time
from epimetheus.state.model import State
from epimetheus.wiring.wiring import Wiring

FIRST_RUN_HELP = "Check that the schedule invokes the function, and read the log of its last call."


@dataclass(frozen=True)
class Caller:
    """What differs between the function and the command line.

    ``own_region``: the region of the deployment; empty means that of the credentials. ``read`` reads the settings. ``first_run_help``: what
    to do if no run has completed yet.
    """

    own_region: str = ""
    read: Callable[[Mapping[str, str]], Settings] = Settings.read
    first_run_help: str = FIRST_RUN_HELP


FUNCTION = Caller()


@dataclass
class HealthContext:
    """Input and findings of the checks of one health request.

    ``environment`` contains the settings. ``run_id`` marks what a check writes or sends. ``deadline`` applies to all checks together.
    ``region`` is the region of the check that is running, if it runs per region. ``healthy``: no check has failed or is degraded so far.
    The rest is filled in by checks: ``wiring`` by settings and credentials, ``regions``, and ``streams`` with that of Cloud Guard, by
    regions, ``states`` and ``without_state`` (streams in which no state exists yet) by state, ``untrusted`` and ``receiver_end`` (expiry
    of its certificate, seconds since the epoch) by receiver.
    """

    environment: Mapping[str, str]
    run_id: str
    clock: Clock
    deadline: Deadline
    caller: Caller = FUNCTION
    region: str = ""
    healthy: bool = True
    opened: Wiring | None = None
    regions: list[str] = field(default_factory=list)
    streams: list[str] = field(default_factory=list)
    states: dict[str, State] = field(default_factory=dict)
    without_state: set[str] = field(default_factory=set)
    untrusted: ReceiverUntrusted | None = None
    receiver_end: float | None = None

    @property
    def wiring(self) -> Wiring:
        """The components that the settings describe; only for checks that need the settings check."""
        assert self.opened is not None, "the settings check has not passed"  # noqa: S101 - a mistake in CHECKS
        return self.opened

    def now(self) -> float:
        """Seconds since the epoch by OCI's clock, or by this machine's clock if OCI's is not known."""
        return to_oci_time(self.clock.now(), self.wiring.clock_offset.seconds())

    def refers_to_oci(self, keys: tuple[str, ...]) -> bool:
        """Whether one of these settings (in lower case) refers to a secret or an object in OCI."""
        return any((getattr(self.wiring.settings, key) or "").startswith(("vault:", "object:")) for key in keys)
