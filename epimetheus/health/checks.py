"""The questions of `epimetheus.health.report`: how each dependency of a run is, in the way a run asks it. What is wrong is raised, as in a run.

The lease is not held: a run that starts meanwhile goes on as if nobody had been there. Where there is no state yet, none is written, for
that would set the cursor; a write is tried that must be refused for its condition (RFC 9110, 13.1.1).
"""

import ssl
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import replace
from typing import Literal, NamedTuple

from oci.object_storage import ObjectStorageClient

from epimetheus.clock import Clock, Deadline
from epimetheus.config.settings import Settings
from epimetheus.deliver import certificate_end, framer
from epimetheus.errors import (
    ClockError,
    DeliveryUncertain,
    EpimetheusError,
    ReceiverError,
    ReceiverUntrusted,
    SourceError,
    StateConflict,
    StateError,
)  # fmt: skip
from epimetheus.model import Window, minute_text, parse_time, time_text
from epimetheus.observe import metrics
from epimetheus.oci_client.clients import Credentials, ServiceFailure, oci_errors
from epimetheus.oci_client.clock_offset import by_oci, corrected_now
from epimetheus.run import notices
from epimetheus.run.tally import days_left
from epimetheus.state.model import Lease, State
from epimetheus.state.store import Changed, Store
from epimetheus.wiring.wiring import Wiring

LAG_HOURS = (2, 24)
"""Over the first the lag is degraded, over the second it is a failure."""
LEAST_DAYS = 30
"""A certificate with fewer days left is degraded."""

_MOST_NAMED = 5
_NO_ETAG = "epimetheus-health-must-be-refused"
_NOBODY = Credentials(None, "", "")
_LAG_HELP = "Look at the log of the last runs: are they scheduled, do they fail, or end with work left? Then give them more time."
_NEVER_HELP = "Check that the schedule invokes the function, and the log of its last call."
_SILENT_HELP = "Check SYSLOG_CLIENT_CERT, too: some receivers refuse it, or the lack of it, without a word."
_BEHIND_HELP = "Every run asks them again; for 404 the function needs `read audit-events in tenancy`."

Status = Literal["ok", "degraded", "failed", "skipped"]


class CheckAnswer(NamedTuple):
    """What a dependency said of itself, and what to ``do`` about it."""

    what: str
    status: Status = "ok"
    do: str = ""


class HealthChecks:
    """One method a check, each with its own deadline; they share what they find. Each raises EpimetheusError for what failed.

    ``run_id`` marks what is written and sent. ``deadline`` is that of all questions together. ``regions`` are known once they were read.
    """

    def __init__(self, environment: Mapping[str, str], run_id: str, clock: Clock, deadline: Deadline) -> None:
        self._environment, self._run_id, self._clock, self._deadline = environment, run_id, clock, deadline
        self._workshop: Wiring
        self.regions: list[str] = []
        self._states: dict[str, State] = {}
        self._without_state: set[str] = set()
        self._untrusted: ReceiverUntrusted | None = None
        self._receiver_end: float | None = None

    def settings(self, _: Deadline) -> CheckAnswer:
        """The configuration; everything else is asked with it."""
        settings = Settings.read(self._environment)
        self._workshop = Wiring(settings, _NOBODY, self._clock, self._deadline)
        if settings.syslog_transport == "tcp":
            return CheckAnswer(" ".join(settings.warnings), "degraded", "Set SYSLOG_TRANSPORT=tls, and SYSLOG_CA.")
        return CheckAnswer("The configuration can be used.")

    def credentials(self, deadline: Deadline) -> CheckAnswer:
        """Who we are, and whether OCI knows us."""
        self._workshop = workshop = Wiring.open(self._workshop.settings, self._clock, self._deadline)
        with suppress(SourceError):  # no word about our signature: what it was is for the other checks to find
            client = workshop.client(ObjectStorageClient, deadline.left())
            with oci_errors("asking for the Object Storage namespace", do=""):
                client.get_namespace()
        return CheckAnswer(f"OCI_AUTH={workshop.settings.oci_auth} gave credentials of {workshop.tenancy} in {workshop.credentials.region}.")

    def rules(self, _: Deadline) -> CheckAnswer:
        """RULES, and what is odd about them."""
        return CheckAnswer(" ".join(["RULES can be used.", *self._workshop.rules_file[1]]))

    def field_map(self, _: Deadline) -> CheckAnswer:
        """FIELD_MAP, and what is odd about it."""
        return CheckAnswer(" ".join(["FIELD_MAP can be used.", *self._workshop.field_map[1]]))

    def read_regions(self, _: Deadline) -> CheckAnswer:
        """REGIONS; what is asked by region is asked in each of them."""
        self.regions = self._workshop.regions
        return CheckAnswer(f"A run reads {', '.join(self.regions)}.")

    def identity(self, deadline: Deadline) -> CheckAnswer:
        """Whether the compartments can be listed."""
        settings, tenancy = self._workshop.settings, self._workshop.tenancy
        if settings.compartment_mode == "tenancy_only":
            return CheckAnswer("Not asked: COMPARTMENT_MODE=tenancy_only needs no listing.", "skipped")
        list_page = self._workshop.list_page(deadline.left() / 2)
        try:
            list_page(tenancy, True, None)
        except ServiceFailure as failure:
            if failure.status not in (403, 404):
                raise
            list_page(tenancy, False, None)
            return CheckAnswer(f"ListCompartments of {tenancy} answers, but not for the whole tree at once: a run walks it.")
        return CheckAnswer(f"ListCompartments of {tenancy} answers.")

    def clock(self, _: Deadline) -> CheckAnswer:
        """How far our clock is from OCI's, by the answers so far."""
        offset = self._workshop.clock_offset.seconds()
        if offset is None:
            return CheckAnswer("No answer from OCI carried a date.", "skipped")
        try:
            warning = corrected_now(self._clock.now(), offset)[1]
        except ClockError as error:
            return CheckAnswer(error.what, "failed", error.do)
        if warning:
            return CheckAnswer(warning, "degraded", "Synchronize it: over 300 s, no run reads anything.")
        return CheckAnswer(f"OCI's clock and this machine's differ by {abs(offset):.1f} s; one second is as exact as it can be known.")

    def _now(self) -> float:
        """The time by OCI's clock where it is known, in seconds since the epoch."""
        return by_oci(self._clock.now(), self._workshop.clock_offset.seconds())

    def audit(self, region: str, deadline: Deadline) -> CheckAnswer:
        """Whether events can be read."""
        settings = self._workshop.settings
        ocid = settings.compartment_ids[0] if settings.compartment_mode == "include" else self._workshop.tenancy
        end = int(self._now() // 60) - settings.settle_minutes
        with closing(self._workshop.audit(region)) as audit:
            events, _ = next(audit.pages(ocid, Window(end - 1, end), None, deadline))
        return CheckAnswer(f"ListEvents of {ocid} answers: {len(events)} events on the first page of the minute from {minute_text(end - 1)} on.")

    def state(self, region: str, deadline: Deadline) -> CheckAnswer:
        """Whether a run may use the state, and it can be read and written; its content stays, except for which run wrote it last."""
        # A call of the store takes at most 1/27 of the time there is for a run: here a fifth of this check's, for up to four calls.
        limit = Deadline.after(self._clock, deadline.left() * 5)
        store, keeper, now = self._workshop.store(region, limit), self._workshop.keeper(region, self._run_id, limit), self._now()
        found = keeper.peek()
        if found is None:
            keeper.refuse_missing()
            self._without_state.add(region)
            return _no_state_yet(store)
        keeper.admit(found, now)
        self._states[region] = found
        if (lease := found.lease) and lease.is_live(now):
            return CheckAnswer(f"{store.name} can be read; run {lease.run} is at work until {time_text(lease.until)}, so no write was tried.")
        try:
            leased = keeper.commit(replace(found, lease=Lease(self._run_id, 0.0)))  # over by any clock
            keeper.commit(replace(leased, lease=lease))
        except StateConflict as conflict:
            return CheckAnswer(f"{conflict.what} So it can be read, and its condition holds.")
        return CheckAnswer(f"{store.name} can be read and written.")

    def lag(self, region: str, _: Deadline) -> CheckAnswer:
        """How far the cursor is behind."""
        if region in self._without_state:
            return CheckAnswer("No run has ended yet.", "degraded", _NEVER_HELP)
        if (state := self._states.get(region)) is None:
            return CheckAnswer("There is no state that can be used.", "skipped")
        now = self._now()
        hours = (now / 60 - self._workshop.settings.settle_minutes - state.through) / 60
        ended = str(state.last.get("at") or "")
        worst = max(hours, (now - parse_time(ended)) / 3600 if ended else LAG_HOURS[0] + 0.1)
        status: Status = "failed" if worst > LAG_HOURS[1] else "degraded" if worst > LAG_HOURS[0] else "ok"
        last = f"The last run ended at {ended}." if ended else "No run has ended yet."
        limits = f"degraded over {LAG_HOURS[0]} h, failed over {LAG_HOURS[1]} h"
        what = f"Read through {minute_text(state.through)}, {max(0.0, hours):.1f} h behind ({limits}). {last}"
        return CheckAnswer(what, status, "" if status == "ok" else _LAG_HELP if ended else _NEVER_HELP)

    def behind(self, region: str, _: Deadline) -> CheckAnswer:
        """Who has a mark of its own, before the cursor."""
        if (state := self._states.get(region)) is None:
            return CheckAnswer("There is no state that can be used.", "skipped")
        if not any(known.polled for known in state.known.values()):
            return CheckAnswer("No compartment is known yet: no run has listed them.", "degraded", _NEVER_HELP)
        if not state.behind:
            return CheckAnswer("Nobody is behind.")
        first = sorted(state.behind.items(), key=lambda item: (item[1].since, item[0]))[:_MOST_NAMED]
        named = "; ".join(f"{ocid} since {minute_text(b.since)}, {b.tries} tries: {b.why}" for ocid, b in first)
        return CheckAnswer(f"{len(state.behind)} compartments are behind: {named}", "degraded", _BEHIND_HELP)

    def tls(self, _: Deadline) -> CheckAnswer:
        """Whom we trust and who we are."""
        if self._workshop.tls is None:
            return CheckAnswer("SYSLOG_TRANSPORT=tcp has no TLS.", "skipped")
        return CheckAnswer(f"{'SYSLOG_CA' if self._workshop.settings.syslog_ca else 'The system store of certificates'} can be used.")

    def client_certificate(self, _: Deadline) -> CheckAnswer:
        """How long ours is valid."""
        if not (ours := self._workshop.client_certificate):
            return CheckAnswer("SYSLOG_CLIENT_CERT is not set.", "skipped")
        return self._days("Our certificate", certificate_end(ours), "Renew SYSLOG_CLIENT_CERT, and SYSLOG_CLIENT_KEY with it.")

    def receiver(self, deadline: Deadline) -> CheckAnswer:
        """Whether it answers."""
        dialer, settings = self._workshop.dialer(deadline), self._workshop.settings
        try:
            dialer().abandon()
        except ReceiverUntrusted as error:  # it answers; whose certificate it is about is for the next checks to tell
            self._untrusted = error
        self._receiver_end = dialer.certificate_end
        return CheckAnswer(f"{settings.syslog_host}:{settings.syslog_port} answers{' and speaks TLS' if self._workshop.tls else ''}.")

    def receiver_certificate(self, _: Deadline) -> CheckAnswer:
        """Whether it is trusted, and how long it is valid."""
        if self._untrusted and isinstance(self._untrusted.__cause__, ssl.SSLCertVerificationError):
            raise self._untrusted
        if self._receiver_end is None:
            why = "SYSLOG_TRANSPORT=tcp has none" if self._workshop.tls is None else "The receiver hung up before it was told"
            return CheckAnswer(f"{why}.", "skipped")
        return self._days("The receiver's certificate", self._receiver_end, "Have it renewed by who runs the receiver.")

    def session(self, deadline: Deadline) -> CheckAnswer:
        """Whether a delivery could begin: with TLS 1.3 only this shows whether our certificate is accepted."""
        delivery = self._workshop.delivery(self._workshop.dialer(deadline), deadline)
        try:
            delivery.write(b"", 0)
        except ReceiverUntrusted:
            raise
        except ReceiverError as error:  # RELP's own says it already
            silent = f" {_SILENT_HELP}" if self._workshop.settings.syslog_transport == "tls" else ""
            return CheckAnswer(error.what, "failed", f"{error.do}{silent}")
        finally:
            delivery.drop()
        ours = " and did not refuse our certificate" if self._workshop.client_certificate else ""
        return CheckAnswer(f"The receiver took a connection{ours}; nothing was sent.")

    def probe(self, deadline: Deadline) -> CheckAnswer:
        """Whether a message arrives."""
        workshop, region = self._workshop, self.regions[0]
        probe = notices.probe(notices.Author(self._run_id, region, workshop.tenancy, self._now()))
        message = workshop.renderer(region, self._run_id).render_notice(probe, 1).message
        delivery = workshop.delivery(workshop.dialer(deadline), deadline)
        try:
            delivery.write(framer(workshop.settings.syslog_framing)(message), 1)
            delivery.finish()
        except DeliveryUncertain as error:
            cause = error.__cause__
            return CheckAnswer(error.what, "failed", cause.do if isinstance(cause, EpimetheusError) else error.do)
        finally:
            delivery.drop()
        return CheckAnswer(f"One message, epimetheus.Probe of run {self._run_id}, was sent and is confirmed by {delivery.confirmation}.")

    def monitoring(self, healthy: bool, deadline: Deadline) -> CheckAnswer:
        """Whether a metric is taken: that all was ``healthy`` up to now, or not."""
        workshop, settings = self._workshop, self._workshop.settings
        if not (namespace := settings.metrics_namespace):
            return CheckAnswer("METRICS_NAMESPACE is empty.", "skipped")
        client, compartment = workshop.monitoring(deadline.left()), settings.metrics_compartment_ocid or workshop.tenancy
        try:
            metrics.post(client, namespace, compartment, workshop.credentials.region, {"healthy": float(healthy)}, self._now())
        except SourceError as error:
            return CheckAnswer(error.what, "degraded", error.do)
        return CheckAnswer(f"The metric `healthy` of {namespace} was taken.")

    def points_to_oci(self, *keys: str) -> bool:
        """Whether one of these settings (in lower case) has its text in OCI."""
        return any((getattr(self._workshop.settings, key) or "").startswith(("vault:", "object:")) for key in keys)

    def _days(self, whose: str, end: float, do: str) -> CheckAnswer:
        left = days_left(end, self._now()) or 0.0
        status: Status = "failed" if left < 0 else "degraded" if left < LEAST_DAYS else "ok"
        what = f"{whose} {'is over since' if left < 0 else f'has {left:.0f} days left, until'} {time_text(end)}."
        return CheckAnswer(what, status, "" if status == "ok" else do)


def _no_state_yet(store: Store) -> CheckAnswer:
    """Whether a run may write the first state, found out without writing one. Raises StateError."""
    try:
        store.write(b"", _NO_ETAG)
    except Changed:
        return CheckAnswer(f"There is no state in {store.name} yet; the first run writes it. A write was refused for its condition only.")
    except StateError as error:
        if isinstance(error.__cause__, ServiceFailure) and error.__cause__.code == "ObjectNotFound":
            return CheckAnswer(f"There is no state in {store.name} yet; the first run writes it.")
        raise
    what = f"{store.name} was written though the condition of the write did not hold: two runs would not notice each other."
    return CheckAnswer(what, "failed", "Delete what is there, it is empty; and find out what stands between: a proxy?")
