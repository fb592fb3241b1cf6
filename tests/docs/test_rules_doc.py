"""docs/rules.md is made here, from the rules themselves, so that it can not go stale: ``python -m tests.docs.test_rules_doc`` writes it anew."""

import io
import json
from pathlib import Path
from typing import get_args

import msgspec
from rich.console import Console

from epimetheus.cli import display as terminal
from epimetheus.cli import rules_try
from epimetheus.config.rules_file import read_rules
from epimetheus.model import HourlyCount
from epimetheus.render import Renderer
from epimetheus.run.notices import Author, held_back
from epimetheus.select.actors import classify_actor
from epimetheus.select.rate_limits import RateLimits
from epimetheus.select.rules import Reason
from epimetheus.select.selection import Selection
from epimetheus.select.tamper_watch import OWN_CALLS, TamperWatch
from epimetheus.source.decode import decode_event
from epimetheus.wiring.selection import rules_from_file
from tests.cli.test_rules_try import EVENTS, SERVICE, one
from tests.render.helpers import SETTINGS
from tests.select.test_actors import LISTED, SHAPES

DOC = Path(__file__).parents[2] / "docs" / "rules.md"

EXAMPLE = """{
  "event_filtering": {
    "mode": "exclude",
    "excluded_events": ["com.oraclecloud.ComputeApi.List*", "HeadObject"],
    "priority_events": ["com.oraclecloud.identityControlPlane.*"],
    "never_drop": ["ListUsers", "Delete*", "Terminate*"],
    "rate_limiting": {"com.oraclecloud.ComputeApi.GetInstance": {"max_per_hour": 2, "enabled": true}},
    "user_filtering": {
      "exclude_service_accounts": true,
      "service_accounts": ["backup-robot"],
      "exclude_users": [],
      "include_only_users": []
    }
  },
  "severity": {"com.oraclecloud.identityControlPlane.*Policy": 8},
  "statistics": {"enable_detailed_logging": false, "log_interval_events": 0}
}"""

REASONS = {
    "own_polling": "a call that a run made itself, and that went well (`OWN_EVENTS=summarise`)",
    "excluded_user": "`user_filtering.exclude_users` has the principal, by OCID or by name",
    "not_included_user": "`user_filtering.include_only_users` holds somebody, and not this one",
    "service": "`user_filtering.exclude_service_accounts`, and the event proves that a service acted",
    "excluded_event": "mode exclude, and `excluded_events` matches",
    "not_included_event": "mode include, and nothing in `included_events` matches",
    "rate_limited": "`rate_limiting` has let as many of this type pass in this hour as it may",
}

KEYS = [
    ("event_filtering.enabled", "true", "false: no rule below is applied"),
    ("event_filtering.mode", "exclude", "which list counts: `exclude`, `include`, `all`: neither; `include` of nothing sends everything"),
    ("event_filtering.excluded_events", "[]", "patterns that are left out in mode exclude"),
    ("event_filtering.included_events", "[]", "patterns that alone are sent in mode include"),
    ("event_filtering.priority_events", "[]", "patterns that come before every other rule, and have no limit but one of exactly their name"),
    ("event_filtering.never_drop", "[]", "patterns that no rule leaves out or limits"),
    ("event_filtering.rate_limiting", "{}", 'pattern → `{"max_per_hour": 100}`, for each event type that it matches; `"enabled": false` turns it off'),
    ("event_filtering.user_filtering.exclude_service_accounts", "false", "leave out what services did"),
    ("event_filtering.user_filtering.service_accounts", "[]", "names or OCIDs of users that are services, too"),
    ("event_filtering.user_filtering.exclude_users", "[]", "names or OCIDs that are left out"),
    ("event_filtering.user_filtering.include_only_users", "[]", "names or OCIDs that alone are sent; an event that names nobody is not"),
    ("severity", "{}", "pattern → 0 to 10, as CEF counts; the first that matches counts, whatever became of the call"),
    ("statistics.enable_detailed_logging", "false", "a log line for each event that is left out: type, id, time and reason"),
    ("statistics.log_interval_events", "0", "a log line every so many events"),
    ("statistics.track_cache_metrics", "false", "`caches` in the report and as metrics: dedupe keys, and what the rules say of types, each apart"),
    ("statistics.track_performance_metrics", "false", "`performance` in the report: events a second (a metric, too), seconds of each phase"),
]  # fmt: skip


def identity(one) -> str:
    said = msgspec.to_builtins(one)
    return ", ".join(f"{name} `{value[:28]}{'…' * (len(value) > 28)}`" for name, value in said.items() if value) or "empty"


def tried() -> str:
    rules, _ = read_rules("RULES", EXAMPLE)
    outcome, console = rules_try.RulesTrial(), Console(file=io.StringIO(), width=100)
    events = [*EVENTS, *[one("TerminateInstance", n, identity=SERVICE) for n in range(2)]]
    placed = [("", 0, decode_event(json.dumps(event).encode())) for event in events]
    rules_try.attempt(placed, Selection(rules_from_file(rules, ()), TamperWatch(("ocid1.policy.oc1..ours",)), RateLimits({})), outcome)
    terminal.show_tried(console, outcome, ())
    return "\n".join(line.rstrip() for line in console.file.getvalue().rstrip().splitlines())


def told() -> str:
    quota = HourlyCount(100, 60, 0, 1_767_266_440_000, 1_767_267_089_000)
    held = {("com.oraclecloud.ComputeApi.GetInstance", 1_767_265_200_000 // 60_000): quota}
    (notice,) = held_back(Author("c87429b08780", "eu-frankfurt-1", "ocid1.tenancy.oc1..example", 1_767_270_000.0), held)
    return Renderer(**{**SETTINGS, "hostname": "eu-frankfurt-1", "run_id": "c87429b08780"}).render_notice(notice, 211).message.decode()


def text() -> str:
    keys = "\n".join(f"| `{key}` | {default} | {what} |" for key, default, what in KEYS)
    reasons = "\n".join(f"| `{reason}` | {REASONS[reason]} |" for reason in get_args(Reason))
    shapes = "\n".join(
        f"| {shape} | {identity(one) if one else 'none'} | {classify_actor(one, LISTED)} |" for shape, (one, _) in SHAPES.items()
    )  # fmt: skip
    calls = ", ".join(f"`{name}`" for name in sorted(OWN_CALLS))
    return f"""# Rules

Which events are sent, and what becomes of the others. This page is made by `tests/docs/test_rules_doc.py` from the rules themselves.

`RULES` is a JSON text, `file:PATH`, or `object:NAME` (an object of STATE_BUCKET). The Go program's file works as it is; keys of its field map
may stand in it, and are read from `FIELD_MAP`. Try a file before it counts; nothing is sent, and nothing is written:

    python -m epimetheus rules try --since 24h --rules rules.json      # on the last day's events, read from OCI
    python -m epimetheus rules try --file events.json --rules rules.json

An unknown key, a wrong type, a key that stands twice, a pattern that can match nothing, a limit of 0 are mistakes, all told at once, each
with its line and path, and the run ends before anything is sent. What comes to nothing, or to the unexpected (an event in two lists, a
list that the mode does not look at), is a warning in every run and in `python -m epimetheus validate`.

## A file

```json
{EXAMPLE}
```

With a dozen events, and `TAMPER_WATCH=ocid1.policy.oc1..ours`, `rules try` says of it:

```
{tried()}
```

## Keys

| key | default | |
|---|---|---|
{keys}

A **pattern** is compared with the whole event type (`com.oraclecloud.ComputeApi.GetInstance`) and with the whole event name (`GetInstance`),
without regard to case; `*` stands for anything. Users are compared with `principalId` and `principalName`, whole, without regard to case.

## Order

The first that speaks decides:

1. What was seen before is a duplicate, and meets no rule.
2. What names a resource of `TAMPER_WATCH`, or the function itself, anywhere but in `data.identity` and `data.request.headers`,
   in any letter case and in escapes of JSON, URLs or HTML, is sent, marked, with a severity of 9 at least.
3. `never_drop`: sent.
4. `priority_events`: sent, unless a limit of exactly this name holds it back.
5. Our own polling: {calls} by our own
   principal, from our own address, if it went well. Anything else that our principal does is news.
6. `exclude_users`, `include_only_users`, `exclude_service_accounts`.
7. The list of the mode.
8. `rate_limiting`: a limit of exactly this name, else the first whose pattern matches.

An event that can not be understood is always sent: no rule can be sure of it.

Every event that is left out is counted by its reason, in the report (`filtered`), the log line and the metrics, and by
`fetched = forwarded + uncertain + duplicates + left out`:

| reason | |
|---|---|
{reasons}

## Limits

`rate_limiting` counts each event type for itself, by the hour of the **event's own time**, so that a late or repeated run counts the same. What
is spent is written down with the cursor: a failed run has spent nothing, a repeated event costs nothing. An event that happened in an
hour of up to a day ago still counts there.

When an hour is over, and its overlap has been read, one message for each type says how many were held back, from when to when (MSGID
`notice`; on one line):

```
{told()}
```

More of the same hour that come later are told by a message of their own. In a failed run, other events of an hour may have passed than in
the next one; then more than the limit arrive.

## Our own polling

Each ListEvents call is an audit event itself. With `OWN_EVENTS=summarise`, the default, those of our own principal are left out, counted, and
summarised in one message a run (`epimetheus.OwnPolling`). Our principal is what the credentials tell: the function's OCID, or the
user's in ~/.oci/config. With an instance principal it is not known: its polling is forwarded, and every run says so.

The principal alone does not make a call ours: a copied token of the function is the same principal. A mark in the request would prove no more,
because the holder of the token can read all that the function can read, the audit events included. What OCI records by itself is the source
address, so:

- One address is ours: the one that the state remembers, or in a first run the first one. The summary names it.
- Calls from any other address are forwarded, past the other rules, and every run that reads some has a warning that names the address.
- No call makes another address ours, even if ours has been silent for long: while the deployment is down, a copied token looks just like a
  deployment that has moved. An address that was once reported stays foreign; both are remembered for good, `state rewind` included.
- A new container or NAT gateway can change our address. Then our own polling is forwarded, with the warning, until an operator compares the
  address in the warning with the egress of the deployment (the NAT gateway's public IP, or the subnet's range behind a service gateway), and
  confirms it: `python -m epimetheus state own-address 192.0.2.10` (one state for each region: `--region`). A restart with the same address
  needs nothing. If it is none of the deployment's addresses, revoke the credentials (docs/security.md).
- What this cannot see: a token that is used from our own address, from within the same subnet or behind the same NAT gateway; or one that
  is used before the first run of a new state. If several addresses are in use, or they change often, set `OWN_EVENTS=forward`.

## Duplicates

Each run reads `OVERLAP_MINUTES` again and drops what it sent before. An event is a duplicate when its whole JSON text is the same, in the same
compartment. If OCI lists an event again with other bytes, it is sent again: a repeat that the SIEM can tell by the event's id, and never a loss.
Two events that share id, time and type are both sent.

## People and services

A service is who the event proves to be one, or whom `service_accounts` names. A session of the console, or a browser, means a person,
whatever else is said. Names prove nothing: a user who is called `svc-backup` is not left out. Unknown is never left out. The answer can be
sent with each event: `epimetheus.actor` in FIELD_MAP ([formats.md](formats.md)). With `backup-robot` in `service_accounts`:

| who | identity | told as |
|---|---|---|
{shapes}
"""


def test_the_page_is_what_the_rules_are():
    assert DOC.read_text("utf-8") == text(), "python -m tests.docs.test_rules_doc writes it anew"


def test_the_example_has_nothing_odd_and_every_key_there_is_is_told():
    rules, warnings = read_rules("RULES", EXAMPLE)
    assert warnings == ()
    filtering, users = type(rules.event_filtering), type(rules.event_filtering.user_filtering)
    paths = {f"event_filtering.{name}" for name in filtering.model_fields if name != "user_filtering"}
    paths |= {f"event_filtering.user_filtering.{name}" for name in users.model_fields}
    paths |= {"severity", *(f"statistics.{name}" for name in type(rules.statistics).model_fields)}
    assert {key for key, _, _ in KEYS} == paths
    assert set(REASONS) == set(get_args(Reason))


if __name__ == "__main__":
    DOC.write_text(text(), "utf-8")
