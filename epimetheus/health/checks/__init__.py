"""All health checks, in the order they run. A new check is a function in a module of this package and one line here.

settings              the configuration is valid; degraded: plain TCP
credentials           sign-in works, and a request that needs no policy (GetNamespace) is not answered with 401
rules, field_map      RULES and FIELD_MAP can be read
regions               the regions that a run reads (REGIONS)
identity              one page of ListCompartments; skipped for COMPARTMENT_MODE=tenancy_only, which needs none
clock                 this machine's clock against OCI's: degraded over 60 s, failed over 300 s
cloud_guard           with SOURCES=cloud_guard: it is enabled, and its reporting region answers one page of ListProblems
audit *               ListEvents for the last minute that a run reads, of the root (COMPARTMENT_MODE=include: the first of COMPARTMENT_IDS)
state *               a run may use it (not foreign, missing or in the future); an expired lease is written and removed
lag *                 how far the cursor is behind, without SETTLE_MINUTES: degraded over 2 h, failed over 24 h
behind *              degraded: some compartments are behind
ledger *              it can be listed, its newest entry exists and is valid; a folder can be written
seals *               the newest is stored as the state has it, and SEAL_KEY can be read; degraded: seals are not stored or sent
reconciliation *      how much of the windows that are due is not listed again yet: degraded over 24 h
tls                   SYSLOG_CA, SYSLOG_CLIENT_CERT and SYSLOG_CLIENT_KEY can be read and fit together
client_certificate    days until it expires: degraded under 30, failed once expired
receiver              it is reachable, over TLS unless SYSLOG_TRANSPORT=tcp
receiver_certificate  trusted, and issued for the right name; days left as above
session               a connection opens and closes strictly (RELP: open, close), which shows whether the client certificate is accepted
probe                 only on request: one marked message (epimetheus.Probe) is sent and confirmed
coverage              every subscribed region and existing compartment is polled unless a setting excludes it; the home region always
monitoring            PostMetricData of one metric, `healthy`; a failure is degraded, because events are forwarded without it

(*: for each region, and all of these but audit, behind and reconciliation also for Cloud Guard.)
"""

from epimetheus.health.checks import (
    audit,
    clock,
    cloud_guard,
    compartments,
    coverage,
    credentials,
    ledger,
    monitoring,
    receiver,
    reconciliation,
    rules,
    seals,
    settings,
    state,
)
from epimetheus.health.model import Check

CHECKS = (
    Check("settings", settings.check_settings),
    Check("credentials", credentials.check_credentials, needs=("settings",)),
    Check("rules", rules.check_rules, needs=("settings",), files=("rules",)),
    Check("field_map", rules.check_field_map, needs=("settings",), files=("field_map",)),
    Check("regions", compartments.check_regions, needs=("credentials",)),
    Check("identity", compartments.check_identity, needs=("credentials",)),
    Check("clock", clock.check_clock, needs=("settings",)),
    Check("cloud_guard", cloud_guard.check_cloud_guard, needs=("credentials",), source="cloud_guard"),
    Check("audit", audit.check_audit, needs=("regions",), per_region=True, source="audit"),
    Check("state", state.check_state, needs=("regions",), per_region=True),
    Check("lag", state.check_lag, needs=("regions",), per_region=True),
    Check("behind", state.check_behind, needs=("regions",), per_region=True, source="audit"),
    Check("ledger", ledger.check_ledger, needs=("regions",), per_region=True),
    Check("seals", seals.check_seals, needs=("regions",), files=("seal_key",), per_region=True),
    Check("reconciliation", reconciliation.check_reconciliation, needs=("regions",), per_region=True, source="audit"),
    Check("tls", receiver.check_tls, needs=("settings",), files=("syslog_ca", "syslog_client_cert", "syslog_client_key")),
    Check("client_certificate", receiver.check_client_certificate, needs=("tls",)),
    Check("receiver", receiver.check_receiver, needs=("tls",)),
    Check("receiver_certificate", receiver.check_receiver_certificate, needs=("receiver",)),
    Check("session", receiver.check_session, needs=("receiver", "receiver_certificate", "client_certificate")),
    Check("probe", receiver.check_probe, needs=("session", "regions", "rules", "field_map"), on_request=True),
    Check("coverage", coverage.check_coverage, needs=("regions",), source="audit"),
    Check("monitoring", monitoring.check_monitoring, needs=("credentials",)),
)
