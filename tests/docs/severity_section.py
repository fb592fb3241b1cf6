"""The section of docs/formats.md about severity, made from the tables in the code."""

from textwrap import dedent

from epimetheus.render.exposed_values import grants_everything, is_any_network
from epimetheus.render.exposure import EXPOSURES
from epimetheus.render.severity import SIGN_ON_FAILED
from epimetheus.render.severity_table import (
    EVENT_IDS,
    HIGH,
    JOINERS,
    LISTING,
    LOW,
    MEDIUM,
    MODIFIERS,
    OTHER,
    SECRET_READS,
    SENSITIVE_CHANGES,
    UNDO,
    VERBS,
)

_IN_WORDS = {
    is_any_network: "an IPv4 network with the prefix length 0 or 1, or an IPv6 network with 0 to 3",
    grants_everything: "a statement that lets its subject manage all resources in the tenancy, or `any-user` or `any-group` use or manage "
    "anything, unless a condition in it names a variable such as `request.user.id`",
}
_LEVELS = {HIGH: "high", MEDIUM: "medium", LOW: "low"}


def severity_section():
    """Returns the section, without the line end of its last line."""
    return dedent("""\
        ## Severity

        The severity is a number from 0 to 10, on CEF's scale. The first of these rules that applies determines it:

        1. A pattern under `severity` in RULES ([Rules](rules.md)), whatever the outcome. The first pattern that matches decides.
        2. In an identity domain's event, the event ID (`data.additionalDetails.eventId`), if a pattern
           [below](#event-ids-of-identity-domains) matches it. In another service's event, the ID can raise the severity, but not lower it.
        3. The highest severity of the operation (`data.eventName`, or the end of `eventType`), the action in its parameters (`STOP` of
           InstanceAction), and the words in an identity domain's event ID.

        Under rules 2 and 3, a call that [exposes something](#calls-that-expose-something) has at least the severity in that table, and a
        failed sign-on has severity {sign_on} or more. An event that names a resource in TAMPER_WATCH always has 9 or more.

        Any other **failed call** has the same severity as a successful one, because a single denied call shows that a control works.
        Repeated denials matter more, but they span many events and runs: count them in the SIEM.

        ### Verbs

        The words in an operation's name determine its severity:

        - If the first word is a verb, it decides. These words may precede it: {modifiers}.
        - A second verb after one of {joiners} also counts (`ValidateAndPublishArtifact`).
        - A verb of severity {high} at the end of the name also counts (`ScheduleKeyDeletion`), unless the first verb only reads, or is one
          of {undo}: `CancelKeyDeletion` has severity {medium}.
        - If the name does not start with a verb, every verb in it that denotes a change counts (`Ipv6VnicDetach`).
        - Past participles count as verbs (`UserLocked`). Letter case and separators do not matter: `DELETEVCN`, `deletevcn` and
          `delete_vcn` are read as `DeleteVcn`.

        {verbs}

        ### Sensitive changes and reads

        Some changes have a higher severity than {medium} because of what they affect. Most of these patterns match a name without its verb,
        such as `Policy` in `UpdatePolicy`. Others match the whole name, or the service and the name. `*` matches any text.

        {sensitive}

        A read of one of these has severity {medium}, because it returns a secret:
        {secret_reads}.
        Reads with the verbs {listing} return no secret, and have severity {low}.

        ### Calls that expose something

        The name of an operation does not show, for example, that it makes a bucket public. For these operations, the severity depends on
        values in `data.stateChange.current`, `data.additionalDetails`, `data.request.parameters`, `data.response.payload` and
        `data.resourceName`, at any depth and in any letter case. A value that `data.stateChange.previous` already had does not count.
        Policy statements and network rules are compared as a whole, so one that replaces another one counts; a new description of a
        rule does not. Epimetheus cannot see a value that OCI does not write to the event.

        {exposures}

        ### Event IDs of identity domains

        The first pattern that matches decides.

        {event_ids}""").format(
        sign_on=SIGN_ON_FAILED,
        high=HIGH,
        medium=MEDIUM,
        low=LOW,
        modifiers=_codes(MODIFIERS),
        joiners=_codes(JOINERS),
        undo=_codes(UNDO),
        secret_reads=_codes(SECRET_READS),
        listing=_codes(LISTING),
        verbs=_table(
            ("severity", "", "verbs"),
            *((number, _LEVELS[number], _codes(verbs)) for number, verbs in VERBS.items()),
            (OTHER, "other", "none of these"),
        ),
        sensitive=_table(
            ("severity", "topic", "patterns"),
            *((number, topic, _codes(patterns)) for number, topics in SENSITIVE_CHANGES.items() for topic, patterns in topics.items()),
        ),
        exposures=_table(
            ("severity", "what", "operations", "members", "values (a regular expression, or in words)"),
            *((found.severity, found.topic, _codes(found.operations), _codes(found.keys), _values(found.values)) for found in EXPOSURES),
        ),
        event_ids=_table(("event ID", "severity"), *((f"`{pattern}`", number) for pattern, number in EVENT_IDS.items())),
    )


def _values(values):
    return "`{}`".format(values.replace("|", "\\|")) if isinstance(values, str) else _IN_WORDS[values]


def _codes(names):
    return ", ".join(f"`{name}`" for name in names)


def _table(*rows):
    head, *rest = ("| " + " | ".join(map(str, row)) + " |" for row in rows)
    return "\n".join((head, "|" + " --- |" * len(rows[0]), *rest))
