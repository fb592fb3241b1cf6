"""Health checks of the receiver: TLS files, certificates, a session, and on request one message."""

import ssl

from epimetheus.clock import Deadline
from epimetheus.deliver import certificate_expiry, framer
from epimetheus.errors import DeliveryUncertain, EpimetheusError, ReceiverError, ReceiverUntrusted
from epimetheus.health.context import HealthContext
from epimetheus.health.model import CheckResult, Status
from epimetheus.model import count_text, time_text
from epimetheus.pem import full_days_left
from epimetheus.run import notices
from epimetheus.run.notice_event import NoticeSource

LEAST_DAYS = 30
"""A certificate that expires in fewer days is degraded."""

_TLS_PORT = 6514  # RFC 5425 4.1
_TLS_HELP = "If it is a TLS port, set SYSLOG_TRANSPORT=tls, and SYSLOG_CA."
_PROBE_HELP = "Check the port with a probe: `epimetheus health --probe`."
_SILENT_HELP = "Check SYSLOG_CLIENT_CERT too: some receivers close the connection without an alert if they require or reject one."


def check_tls(context: HealthContext, _: Deadline) -> CheckResult:
    """The TLS files can be read and fit together. Raises ConfigError, SourceError, CredentialsError."""
    if context.wiring.delivery.tls is None:
        return CheckResult("SYSLOG_TRANSPORT=tcp uses no TLS.", "skipped")
    return CheckResult(f"{'SYSLOG_CA' if context.wiring.settings.syslog_ca else 'The system certificate store'} can be used.")


def check_client_certificate(context: HealthContext, _: Deadline) -> CheckResult:
    """When the client certificate expires. Raises ConfigError."""
    if not (certificate := context.wiring.delivery.client_certificate):
        return CheckResult("SYSLOG_CLIENT_CERT is not set.", "skipped")
    return _expiry(context, "The client certificate", certificate_expiry(certificate), "Renew SYSLOG_CLIENT_CERT and SYSLOG_CLIENT_KEY.")


def check_receiver(context: HealthContext, deadline: Deadline) -> CheckResult:
    """The receiver is reachable. Raises ReceiverError."""
    dialer, settings = context.wiring.delivery.dialer(deadline), context.wiring.settings
    try:
        dialer().abandon()
    except ReceiverUntrusted as error:  # it is reachable; the next checks report which certificate is the problem
        context.untrusted = error
    context.receiver_end = dialer.certificate_expiry
    over_tls = " over TLS" if context.wiring.delivery.tls else ""
    return CheckResult(f"{settings.syslog_host}:{settings.syslog_port} is reachable{over_tls}.")


def check_receiver_certificate(context: HealthContext, _: Deadline) -> CheckResult:
    """The receiver's certificate is trusted, and when it expires. Raises ReceiverUntrusted."""
    if context.untrusted and isinstance(context.untrusted.__cause__, ssl.SSLCertVerificationError):
        raise context.untrusted
    if context.receiver_end is None:
        no_tls = context.wiring.delivery.tls is None
        why = "SYSLOG_TRANSPORT=tcp uses none" if no_tls else "The receiver closed the connection before sending it"
        return CheckResult(f"{why}.", "skipped")
    return _expiry(context, "The receiver's certificate", context.receiver_end, "Have the operator of the receiver renew it.")


def check_session(context: HealthContext, deadline: Deadline) -> CheckResult:
    """A sender can connect: with TLS 1.3, only this shows whether the client certificate is accepted. Raises ReceiverUntrusted."""
    sender = context.wiring.delivery.sender(context.wiring.delivery.dialer(deadline), deadline)
    try:
        sender.write(b"", 0)
    except ReceiverUntrusted:
        raise
    except ReceiverError as error:  # RELP's own error names the certificate already
        silent = f" {_SILENT_HELP}" if context.wiring.settings.syslog_transport == "tls" else ""
        return CheckResult(error.what, "failed", f"{error.do}{silent}")
    finally:
        sender.drop()
    accepted = " and the client certificate" if context.wiring.delivery.client_certificate else ""
    what = f"The receiver accepted a connection{accepted}; nothing was sent."
    return _perhaps_tls(what, context.wiring.settings.syslog_port) if context.wiring.delivery.tls is None else CheckResult(what)


def _perhaps_tls(what: str, port: int) -> CheckResult:
    """The result for a connection without TLS: a TLS port accepts it as well, and waits. Only a message shows the difference."""
    if port == _TLS_PORT:
        return CheckResult(f"{what} {port} is the registered port of syslog over TLS.", "degraded", f"{_PROBE_HELP} {_TLS_HELP}")
    return CheckResult(f"{what} A TLS port also accepts such a connection: only a probe shows whether a message arrives.")


def check_probe(context: HealthContext, deadline: Deadline) -> CheckResult:
    """A message arrives. Raises ReceiverError, OutOfTime."""
    wiring, region = context.wiring, context.regions[0]
    probe = notices.probe_notice(NoticeSource(context.run_id, region, wiring.tenancy, context.now()))
    message = wiring.rendering.renderer(region, context.run_id).render_notice(probe, 1).message
    sender = wiring.delivery.sender(wiring.delivery.dialer(deadline), deadline)
    try:
        sender.write(framer(wiring.settings.syslog_framing)(message), 1)
        sender.finish()
    except DeliveryUncertain as error:
        cause = error.__cause__
        return CheckResult(error.what, "failed", cause.do if isinstance(cause, EpimetheusError) else error.do)
    finally:
        sender.drop()
    return CheckResult(f"One message, epimetheus.Probe of run {context.run_id}, was sent and confirmed by {sender.confirmation}.")


def _expiry(context: HealthContext, certificate: str, end: float, do: str) -> CheckResult:
    left = full_days_left(end, context.now())
    status: Status = "failed" if left < 0 else "degraded" if left < LEAST_DAYS else "ok"
    when = "expired at" if left < 0 else f"expires in {count_text(left, 'day')}, at"
    return CheckResult(f"{certificate} {when} {time_text(end)}.", status, "" if status == "ok" else do)
