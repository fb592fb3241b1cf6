"""docs/rules.md is generated from the rules: ``python -m tests.docs.test_rules_doc`` writes it."""

import io
import json
from pathlib import Path
from typing import get_args

import msgspec
from rich.console import Console

from epimetheus.cli import preview_view as terminal
from epimetheus.cli import rules_preview
from epimetheus.config.rules_file import read_rules
from epimetheus.model import HourlyCount
from epimetheus.render.renderer import Renderer
from epimetheus.run.notices import NoticeSource, rate_limited_notices
from epimetheus.select.actors import classify_actor
from epimetheus.select.rate_limits import RateLimits
from epimetheus.select.rules import Reason
from epimetheus.select.selection import Selection
from epimetheus.select.tamper_watch import OWN_CALLS, TamperWatch
from epimetheus.source.decode import decode_event
from epimetheus.wiring.selection import rules_from_file
from tests.cli.test_rules_preview import EVENTS, SERVICE, one
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
    "own_polling": "a successful call of the deployment's own polling (`OWN_EVENTS=summarize`)",
    "excluded_user": "`user_filtering.exclude_users` lists the principal, by OCID or by name",
    "not_included_user": "`user_filtering.include_only_users` is not empty, and does not list the principal",
    "service": "`user_filtering.exclude_service_accounts` is true, and the actor is a service",
    "excluded_event": "the mode is `exclude`, and a pattern in `excluded_events` matches",
    "not_included_event": "the mode is `include`, and no pattern in `included_events` matches",
    "rate_limited": "`rate_limiting` allows no more events of this type in this hour",
    "deferred": "in a [push](how-it-works.md#push) only: the event is left to the next scheduled run, and is not part of `filtered`",
}

KEYS = [
    ("event_filtering.enabled", "true", "`false` disables every rule below"),
    ("event_filtering.mode", "exclude", "the list that applies: `exclude`, `include`, or `all` for neither; `include` with an empty list sends everything"),
    ("event_filtering.excluded_events", "[]", "patterns of the events to filter out in mode `exclude`"),
    ("event_filtering.included_events", "[]", "patterns of the events to send in mode `include`; all other events are filtered out"),
    ("event_filtering.priority_events", "[]", "patterns of events that bypass all rules below, except a rate limit for exactly this event name or type"),
    ("event_filtering.never_drop", "[]", "patterns of events that no rule filters out or limits"),
    ("event_filtering.rate_limiting", "{}", 'pattern → `{"max_per_hour": 100}`, for each event type that it matches; `"enabled": false` disables the limit'),
    ("event_filtering.user_filtering.exclude_service_accounts", "false", "whether to filter out the events of services"),
    ("event_filtering.user_filtering.service_accounts", "[]", "names or OCIDs of users that count as services"),
    ("event_filtering.user_filtering.exclude_users", "[]", "names or OCIDs of users whose events are filtered out"),
    ("event_filtering.user_filtering.include_only_users", "[]", "names or OCIDs of the only users whose events are sent; an event without a principal is filtered out"),
    ("severity", "{}", "pattern → CEF severity, 0 to 10; the first match applies, regardless of the outcome of the call"),
    ("statistics.enable_detailed_logging", "false", "`true` writes a log line for each filtered event, with type, id, time and reason"),
    ("statistics.log_interval_events", "0", "the number of events after which a log line is written; 0 for no log lines"),
    ("statistics.track_cache_metrics", "false", "`true` adds `caches` (dedupe keys, and decisions by event type) to the report and the metrics"),
    ("statistics.track_performance_metrics", "false", "`true` adds `performance` to the report: events per second (also a metric), seconds per phase"),
]  # fmt: skip


def identity(one) -> str:
    fields = msgspec.to_builtins(one)
    return ", ".join(f"{name} `{value[:28]}{'…' * (len(value) > 28)}`" for name, value in fields.items() if value) or "empty"


def example_trial() -> str:
    rules, _ = read_rules("RULES", EXAMPLE)
    outcome, console = rules_preview.RulesPreview(), Console(file=io.StringIO(), width=100, force_terminal=True, color_system=None)
    events = [*EVENTS, *[one("TerminateInstance", n, identity=SERVICE) for n in range(2)]]
    placed = [("", 0, decode_event(json.dumps(event).encode())) for event in events]
    rules_preview.apply_rules(placed, Selection(rules_from_file(rules, ()), TamperWatch(("ocid1.policy.oc1..ours",)), RateLimits({})), outcome)
    terminal.show_preview(console, outcome, ())
    return "\n".join(line.rstrip() for line in console.file.getvalue().rstrip().splitlines())


def example_notice() -> str:
    quota = HourlyCount(100, 60, 0, 1_767_266_440_000, 1_767_267_089_000)
    held = {("com.oraclecloud.ComputeApi.GetInstance", 1_767_265_200_000 // 60_000): quota}
    (notice,) = rate_limited_notices(NoticeSource("c87429b08780", "eu-frankfurt-1", "ocid1.tenancy.oc1..example", 1_767_270_000.0), held)
    return Renderer(**{**SETTINGS, "hostname": "eu-frankfurt-1", "run_id": "c87429b08780"}).render_notice(notice, 211).message.decode()


def text() -> str:
    keys = "\n".join(f"| `{key}` | {default} | {what} |" for key, default, what in KEYS)
    reasons = "\n".join(f"| `{reason}` | {REASONS[reason]} |" for reason in get_args(Reason))
    shapes = "\n".join(
        f"| {shape} | {identity(one) if one else 'none'} | {classify_actor(one, LISTED)} |" for shape, (one, _) in SHAPES.items()
    )  # fmt: skip
    calls = ", ".join(f"`{name}`" for name in sorted(OWN_CALLS))
    return f"""# Rules

After reading this page, you can decide which events are sent, test a rules file before you use it, and find out why an event was not sent.
`python -m tests.docs.test_rules_doc` generates this page from the code. Do not edit it by hand.

`RULES` is JSON text, `file:PATH`, or `object:NAME` (an object in `STATE_BUCKET`). The Go program's file works unchanged
([Migrate](migrate.md)). The text may also contain the keys of the field map, which `FIELD_MAP` reads, and keys that begin with `_comment`;
`RULES` ignores both. Without `RULES`, everything is sent except the events of the deployment's own polling.

## Test a rules file

    epimetheus rules preview --since 24h --rules rules.json      # on the last day's events, read from OCI
    epimetheus rules preview --file events.json --rules rules.json

The command sends nothing and writes nothing. An unknown key, a wrong type, a duplicate key, a pattern that cannot match, and a limit of 0
are errors. All errors are reported at once, each with line and path, and a run fails before it sends anything. A rule that has no effect,
or an unexpected effect (an event in two lists, a list that the mode ignores), causes a warning in every run and in `epimetheus validate`.
`validate` also warns if the rules send no event at all, and if a pattern matches no operation of the installed OCI SDK and no known sign-on
event. Such a name is either misspelled or newer than the SDK.

## Example

```json
{EXAMPLE}
```

With these rules, a few events, and `TAMPER_WATCH=ocid1.policy.oc1..ours`, `rules preview` prints:

```
{example_trial()}
```

## Keys

| key | default | description |
|---|---|---|
{keys}

A **pattern** must match the whole event type (`com.oraclecloud.ComputeApi.GetInstance`) or the whole event name (`GetInstance`). Case is
ignored, and `*` matches anything. A **user** must equal `principalId` or `principalName`. Case is ignored.

## Order

The first rule that matches decides:

1. An event that was sent before is a duplicate. No rule applies to it.
2. An event that names a resource of `TAMPER_WATCH`, or the function itself, is sent and marked, with a severity of at least 9. The OCID is found
   anywhere except in `data.identity` and `data.request.headers`, in any letter case, and in the escapes of JSON, URLs and HTML.
3. `never_drop`: sent.
4. `priority_events`: sent, unless a rate limit for exactly this event name or type suppresses it.
5. Own polling: filtered. These are successful calls made by the deployment's own principal from its own address:
   {calls}. The same calls from another address are sent.
   The rules below apply to all other calls of this principal.
6. `exclude_users`, `include_only_users`, `exclude_service_accounts`.
7. The list of the mode.
8. `rate_limiting`: the limit for exactly this event name or type, otherwise the first limit whose pattern matches.

An event that cannot be parsed is always sent, because rules cannot be applied to it reliably.

The report counts the filtered events by reason (`filtered`). The metrics contain their sum and the number of rate-limited events. The run fails
unless `fetched = forwarded + unconfirmed + duplicates + filtered`.

| reason | meaning |
|---|---|
{reasons}

## Rate limits

`rate_limiting` counts each event type separately, by the hour of the **event's own time**. The result is therefore the same if a run is late or
is repeated. The count is saved with the cursor, so neither failed runs nor duplicates count. An event that is up to a day old counts in its own
hour.

After an hour has ended and its overlap has been read, one notice per event type reports how many events were suppressed, and when. It has the
MSGID `notice`, and is a single line:

```
{example_notice()}
```

If more events of the same hour are suppressed later, another notice reports them. If a run fails, the next run may select different events
of the hour than those that the failed run sent. More events than the limit then arrive.

## Own polling

Each ListEvents call creates an audit event. With `OWN_EVENTS=summarize`, the default, the events of the deployment's own calls are filtered,
counted, and summarized in one notice per run (`epimetheus.OwnPolling`). The deployment's own principal comes from the credentials: the
function's OCID, or the user in `~/.oci/config`. With an instance principal, the OCID is not available. Its own polling is therefore forwarded, and
every run warns about it.

The principal alone does not prove that a call comes from the deployment, because a stolen token has the same principal. A mark in the request
would not prove it either, because everyone who has the token can read the audit events that contain the mark. The source address is reliable,
because OCI records it. Therefore:

- One address is the deployment's own: the address in the state or, in a first run, the first address seen. The notice names it.
- Calls from any other address bypass the other rules and are forwarded. Every run that reads such calls warns and names the address.
- A call never makes another address trusted, even if there have been no calls from the known address for a long time. While the deployment
  is down, a stolen token looks like a deployment that has moved. An address that was reported once remains untrusted. The state keeps both
  kinds of addresses permanently, even after `state rewind`.
- A new container or NAT gateway can change the address. Own polling is then forwarded, with the warning, until you confirm the new address.
  Compare the address in the warning with the deployment's egress (the NAT gateway's public IP, or the subnet's range behind a service gateway).
  If the address is yours, run `epimetheus state own-address 192.0.2.10` (once per region: `--region`). If it is not, revoke the
  credentials ([Security](security.md)). After a restart with the same address, you do not need to do anything.
- Epimetheus does not detect a stolen token that is used from the deployment's own address (the same subnet, or behind the same NAT gateway), or
  before the first run with a new state.
- If several addresses are in use, or if they change often, set `OWN_EVENTS=forward`.

## Duplicates

Each run reads the last `OVERLAP_MINUTES` before the cursor again, and drops events that were sent before. An event is a duplicate if its
content and its compartment are the same as those of an event that was sent. The content is: id, type, time, name, resource, identity,
request, response, state change and details. The order of the members and the notation of values do not matter. If OCI lists an event again
with different content, the event is sent again, and the SIEM can recognize it by its id. Two events that share id, time and type, but
differ in content, are both sent.

## People and services

An actor is a `service` if the event proves it, or if `service_accounts` lists it. With a console session or a browser, the actor is a `person`,
regardless of the other fields. Names are not evidence: a user named `svc-backup` is not filtered. `unknown` actors are never filtered.

Identity domains often leave `data.identity` empty and report the actor in `data.additionalDetails` (`actorName`, `actorOcid`,
`ssoUserAgent`: [Formats](formats.md#cef)). User lists, `service_accounts` and the check for a browser also apply to these values, but only
if the field in `data.identity` is empty. Only `data.identity`, which OCI itself writes, can prove a service. To send the result with each
event, add `epimetheus.actor` in `FIELD_MAP` ([Formats](formats.md#field_map)). This table shows the results with `backup-robot` and
`ocid1.user.oc1..robot` in `service_accounts`:

| actor | identity | result |
|---|---|---|
{shapes}
"""


def test_the_page_matches_the_rules():
    assert DOC.read_text("utf-8") == text(), "run python -m tests.docs.test_rules_doc"


def test_the_example_has_no_warnings_and_every_key_is_documented():
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
