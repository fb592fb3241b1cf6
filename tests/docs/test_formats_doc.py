"""docs/formats.md is generated from the code: ``python -m tests.docs.test_formats_doc`` writes it."""

import os
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent, fill

import pytest

from epimetheus import event_details
from epimetheus.config.field_map import read_field_map
from epimetheus.config.settings import Settings
from epimetheus.render import abridge, addresses, derived_values, typed_values
from epimetheus.render.formats import cef, cef_keys, json_base, leef
from epimetheus.render.formats.base import LATE_MARKS, REPLAY_MARKS, Enrichment
from epimetheus.render.renderer import FORMATS, MIN_BYTES
from epimetheus.render.severity_table import OTHER
from tests.docs.ocsf_section import ocsf_section
from tests.docs.severity_section import severity_section
from tests.docs.situations_section import EVENTS, REGION, SITUATIONS, message, shown, situations_section, unwrapped, wrapped
from tests.render.helpers import body, event, read_by_cefp, read_leef
from tests.render.helpers import cef as cef_of
from tests.render.test_golden import golden

DOC = Path(__file__).parents[2] / "docs" / "formats.md"
COMMAND = "python -m tests.docs.test_formats_doc"
_SETTINGS = {name.upper() for name in Settings.model_fields}

# An event whose values are all different, so that each can be found in the message.
PROBE = {
    "eventType": "com.oraclecloud.InteractiveService.LoginX", "eventTypeVersion": "2.7", "eventId": "event-id",
    "eventTime": "2026-03-02T08:15:30.120Z",
    "data": {
        "eventName": "LoginX", "eventGroupingId": "grouping-id", "compartmentId": "compartment-id", "compartmentName": "compartment-name",
        "resourceId": "resource-id", "resourceName": "resource-name", "message": "the message", "availabilityDomain": "ad-1",
        "identity": {
            "principalName": "principal-name", "principalId": "principal-id", "authType": "auth-type", "callerName": "caller-name",
            "callerId": "caller-id", "tenantId": "tenant-id", "userAgent": "user-agent", "consoleSessionId": "session-id",
        },
        "request": {"id": "request-id", "action": "request-action", "path": "/request-path"},
        "response": {"status": "200", "responseTime": "2026-03-02T08:15:31.007Z", "message": "the answer"},
    },
}  # fmt: skip
DETAILS = "`data.additionalDetails`, `{}`"
DOMAIN_EVENT, REASON_CODE, TARGET, SECOND_TARGET = (
    DETAILS.format("`, else `".join(event_details.DETAILS[name])) for name in ("domain_event", "reason_code", "target", "second_target")
)
USER_NAME = "the name of the user that the action affects: the member of a group, or the user whose password, second factor or key changes"
USER_ID = "the OCID of that user, or the ID in the identity domain"
DERIVED = {  # keys whose value differs from the event's
    "rt": "`eventTime`, in milliseconds", "end": "`data.response.responseTime`, in milliseconds",
    "devTime": "`eventTime`, in UTC with three decimal places", "responseTime": "`data.response.responseTime`; a time is written in UTC with three decimal places", "devTimeFormat": f"always `{leef.TIME_FORMAT}`",
    "outcome": "`success` or `failure`, from a status of at least 400 or an error code, else from the ending of an identity domain's event ID, "
    "else from the messages and the status; absent if none of these shows it",
    "reason": "why the call failed: `code` or `login_result` of `data.response.payload`, the code in a message or in place of the status, or the "
    "response's message; for an identity domain, its comment",
    "act": "the verb in a parameter (`STOP` of InstanceAction), else `data.eventName`, else the operation in `eventType`",
    "action": "the verb in a parameter (`STOP` of InstanceAction)",
    "eventName": "`data.eventName`, else the operation in `eventType`",
    cef.DOMAIN_EVENT: DOMAIN_EVENT, "domainEvent": DOMAIN_EVENT,
    cef.TARGET: TARGET, "target": TARGET, cef.SECOND_TARGET: SECOND_TARGET, "secondTarget": SECOND_TARGET,
    cef.REASON_CODE: REASON_CODE, "reasonCode": REASON_CODE,
    "duser": USER_NAME, "targetUser": USER_NAME, "duid": USER_ID, "targetUserId": USER_ID,
    "spt": "`data.identity.ipAddress`: the port of the first address", "srcPort": "`data.identity.ipAddress`: the port of the first address",
    "sourceTranslatedPort": "the port of `sourceTranslatedAddress`", "srcPostNATPort": "the port of `srcPostNAT`",
    "src": "`data.identity.ipAddress`: the first address", "c6a2": "`data.identity.ipAddress`: the first IPv6 address",
    "sourceTranslatedAddress": "`data.identity.ipAddress`: the first IPv4 address after the source",
    "srcPostNAT": "`data.identity.ipAddress`: the second address", "shost": "`data.identity.ipAddress`: the remaining addresses, or text that is not an address",
    "srcOther": "`data.identity.ipAddress`: the remaining addresses, or text that is not an address", "cat": "in CEF, the service in `eventType`; in LEEF, the outcome as `Success` or `Failed`",
    "destinationServiceName": "the service in `eventType`", "sev": "the severity, 1 to 10", "isLoginEvent": "`true` for any sign-on",
    "identSrc": "`src`, for a sign-on that succeeded", "flexString1": "`eventId`, if it is too long for `externalId`",
    "principalName": "`data.identity.principalName`, if it is too long for `usrName`",
    cef.TAMPER_WATCH: "`true` if the event names a resource in TAMPER_WATCH", cef.COMPARTMENT_PATH: "the compartment's path",
    cef.REPLAY: "`true` in a replay", "replay": "`true` in a replay",
    cef.LATE: "`true` if reconciliation found the event", "late": "`true` if reconciliation found the event",
    "tamperWatch": "`true` if the event names a resource in TAMPER_WATCH", "compartmentPath": "the compartment's path",
}  # fmt: skip


def paths(tree, path=()):
    for key, item in tree.items():
        yield from paths(item, (*path, key)) if isinstance(item, dict) else [(item, ".".join((*path, key)))]


def table(head, rows):
    return "\n".join(["| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows]])


def code_list(keys):
    return fill(", ".join(f"`{key}`" for key in keys) + ".", 140, break_long_words=False, break_on_hyphens=False)


def source_of(key, written):
    origin = dict(paths(PROBE))
    if key in DERIVED:
        return DERIVED[key]
    path = origin[written[key]]
    return f"`{path}`" + (", else `data.response.message`" if path == "data.message" else "")


def flat_table(form, read, keys, limit):
    written = read(body(PROBE, format=form))[1]
    missing = {key for key in keys if key not in written} - DERIVED.keys()
    assert missing == set()
    order = [key for key in written if not key.endswith("Label")]
    assert set(order) <= set(keys)
    rows = [(f"`{key}`", source_of(key, written), limit(key)) for key in [*order, *[key for key in keys if key not in order]]]
    return table(("key", "source", "accepts"), rows)


KINDS = {
    typed_values.millis: "milliseconds", typed_values.ipv4: "an IPv4 address", addresses.ipv6: "an IPv6 address", typed_values.integer: "an integer",
    typed_values.address: "an IPv4 or IPv6 address", typed_values.port: "0 to 65535", leef.TYPED["devTime"]: "a time", leef.TYPED["sev"]: "1 to 10",
}  # fmt: skip


def limit_of(key, typed, lengths, custom):
    return KINDS[typed[key]] if key in typed else f"{lengths.get(key, custom)} characters"


def cef_limit(key):
    label = f", labeled `{cef.LABELS[key]}`" if key in cef.LABELS else ""
    return limit_of(key, cef_keys.TYPED, cef_keys.LENGTHS, cef_keys.CUSTOM_LENGTH) + label


def leef_limit(key):
    return limit_of(key, leef.TYPED, leef.LENGTHS, leef.CUSTOM_LENGTH)


def details():
    fields = {"principal_name": "principalName", "principal_id": "principalId", "ip_address": "ipAddress", "user_agent": "userAgent"}
    rows = [(f"`data.identity.{fields[name]}`", ", else ".join(f"`{key}`" for key in event_details.DETAILS[name])) for name in event_details.IDENTITY_FIELDS]
    return table(("empty field", "member of `data.additionalDetails`"), rows)


DERIVED_SOURCES = {
    "severity": "the severity, 0 to 10", "outcome": DERIVED["outcome"], "reason": DERIVED["reason"], "reasonCode": REASON_CODE,
    "action": DERIVED["act"], "domainEvent": DOMAIN_EVENT, "target": TARGET, "secondTarget": SECOND_TARGET, "targetUser": USER_NAME,
    "targetUserId": USER_ID, **{name: f"`data.identity.{name}`, else [from the details](#cef)" for name in ("principalName", "principalId", "ipAddress", "userAgent")},
}  # fmt: skip


def derived():
    return table(("path", "value"), [(f"`{path}`", DERIVED_SOURCES[name]) for path, name in derived_values.DERIVED_PATHS.items()])


def example(form, name="watched", header="rfc5424"):
    return f"```text\n{golden(name, form, header).message.decode()}\n```"


def parts_of(paths_of):
    return code_list(".".join(path) for path in paths_of)


def page():
    return dedent("""\
        # Formats

        After reading this page, you can write or adapt a parser for each `FORMAT`, rename or add fields, and find the messages that matter
        to an analyst ([Situations](#situations)). `{command}` generates this page from the code.

        `FORMAT` is `cef` (the default), `json`, `leef` or `ocsf`. JSON and OCSF contain the whole event. CEF and LEEF contain the fields
        that this page lists, except those that have no value; `FIELD_MAP` can add others. A message is one line of UTF-8 without a BOM: the
        syslog header, then the body. The examples up to [Notices](#notices) have `SYSLOG_HEADER=rfc5424`. Except for the failed sign-on in
        OCSF, they show one event, which names a resource in TAMPER_WATCH.

        ## Syslog header

        - **RFC 5424**: `<PRI>1 TIMESTAMP HOSTNAME APP-NAME - MSGID [epimetheus@32473 run="…" seq="…" trimmed="…"] `. TIMESTAMP is the time
          of the event, or the start of the run if the event has no time. It is in UTC, with exactly three decimal places. `run` is the ID
          of the run. `seq` numbers the messages of a run from 1; a gap means that a message was lost. `trimmed` lists the fields that were
          removed or shortened to fit the size limit. It is absent if there are none.
        - **RFC 3164**: `<PRI>Mmm dd hh:mm:ss HOSTNAME TAG: `, in UTC. This header has no run and no sequence number. The body lists the trimmed fields.
        - MSGID is `audit` for an event, `malformed` for text that is not a valid event (RFC 3164: `TAG[malformed]: `), and `notice` for a message
          from Epimetheus itself. In every format, a malformed event is sent as its redacted text.
        - A replay, and a late event that [reconciliation](how-it-works.md#reconciliation) found, are marked in the header and in the body, because
          some receivers discard the header. The mark in the header is `replay="true"` or `late="true"` after `seq`. With RFC 3164, it is
          `TAG[replay]: ` or `TAG[late]: `, and for a malformed event `TAG[malformed-replay]: ` or `TAG[malformed-late]: `. The mark in the
          body is never removed. A malformed event has no mark in its body. `replay --missing-only` marks its messages only as a replay.
        - PRI combines SYSLOG_FACILITY with a level that depends on the severity: informational (0 to 3), notice (4 to 6), warning (7 and 8) or
          error (9 and 10).

        The marks in the body:

        {marks}

        ## Invisible characters and message prefixes

        A caller controls some of the text in an event, such as the user agent or a resource name. In every format, Epimetheus changes two kinds of
        text, in keys, in values and in malformed events:

        - **Invisible characters** are written as JSON escapes, such as `\\u202e`. They are the characters of the Unicode categories Cc, Cf,
          Zl and Zp, and the default ignorable characters: for example zero-width and bidirectional characters, tags and variation
          selectors. In JSON and OCSF, a parser restores the original text. In CEF and LEEF, the value contains the escape itself: six
          characters, or twelve for a character above U+FFFF; CEF also escapes its backslash. CEF and LEEF remove control characters
          instead. Text in some scripts, such as Persian, and emoji that consist of several characters also contain such escapes.
        - **Message prefixes** are `CEF:0` and `LEEF:1.0`, in any letter case. Some consumers search a whole line for a prefix and read the
          message after the last one. In CEF and LEEF, a space follows the colon (`CEF: 0|`). In JSON and OCSF, the colon is written as an
          escape (`CEF\\u003a0|`), which a parser restores.

        {severity}

        ## CEF

        `CEF:0|Oracle|OCI Audit|<eventTypeVersion>|<eventType>|<eventName>|<severity>|`, then the extension, as in version 27 of the CEF
        implementation standard. The header escapes `\\` and `|`; values escape `\\`, `=` and line ends (`\\n`, `\\r`). Control characters
        are removed. A value that is too long for its key is shortened, ends in `…`, and is listed in `trimmed`.

        Identity domains leave `data.identity` and `data.response` empty. If one of the following fields is empty in an event whose type starts
        with `com.oraclecloud.identitydomains` or `com.oraclecloud.IdentitySignOn`, CEF, LEEF, OCSF and `epimetheus` in JSON use a value from
        `data.additionalDetails`:

        {details}

        `data.identity.ipAddress` may contain several addresses, separated by commas, semicolons or spaces. Each may have a port. The first address is
        the source. `None`, `null` and `-` do not count as addresses.

        {cef}

        {cef_example}

        If a message is too large, these keys are removed, in this order:
        {cef_shed}
        Then values are shortened. As a last resort, these keys are removed, starting with the last:
        {cef_core}

        ## JSON

        The body is the event as OCI returned it, on one line: every key, in the original order, and every digit of a number. Secrets are
        redacted. The last key, `epimetheus`, contains the values that Epimetheus adds, if they apply: `compartmentPath`, `tamperWatch`,
        `replay`, `late`, `severity`, `outcome`, and every other value in [this table](#values-that-epimetheus-derives) that no standard field of
        the event contains. For a stopped instance, for example, it is `{{"severity":5,"outcome":"success","action":"STOP"}}`. If the event
        itself has a top-level key `epimetheus`, `epimetheusTrimmed` or `epimetheusCut`, that key gets the prefix `event_`, in OCSF too, so
        that only Epimetheus can write these keys.

        {json_example}

        If a message is too large, these parts of `data` are removed, in this order:
        {data_shed}
        `….others` means all members except those that carry the meaning of the event:
        {kept}
        Then these are removed: the compartment's path, any other object or list in `data`, and finally
        {kept_shed}
        Then strings are shortened, the longest first, to {caps} bytes. A shortened string ends in
        `…[n bytes cut]`. An event with thousands of keys may still be too large. Its text then becomes one string under `epimetheusCut`,
        and `epimetheus` keeps the marks of TAMPER_WATCH, replays and late events, `severity`, `outcome`, and `principalName` if only the details have it. With
        RFC 3164, `epimetheusTrimmed` lists the trimmed fields.

        ## LEEF

        `LEEF:2.0|Oracle|OCI Audit|<eventTypeVersion>|<eventType>|^|`, then `key=value` pairs, separated by `^`. Only `^` ends a value, so a value may
        contain `=`. LEEF has no escapes: in a value, `?` replaces `^` and `|`, and a space replaces tabs and line ends. Other control characters are
        removed. QRadar identifies the log source by HOSTNAME in the syslog header, and the QID by EventID (`eventType`) and `cat`.

        {leef}

        {leef_example}

        If a message is too large, these keys are removed, in this order:
        {leef_shed}
        Then values are shortened. As a last resort, these keys are removed, starting with the last:
        {leef_core}

        {ocsf}

        ## Notices

        Epimetheus sends notices about rate-limited events, its own polling, and the seal of each run. A notice has the form of an event, with the
        `eventType` `epimetheus.HeldBack`, `epimetheus.OwnPolling` or `epimetheus.Seal`. Its message is a sentence, and `data.additionalDetails`
        contains the figures. The `eventId` of a seal is `seal-<region>-<number>-<first 16 digits of its SHA-256>`, and its sentence ends with
        `Seal <number>, SHA-256 <digest>, previous <digest of the seal before>.` MSGID is `notice`. The severity is {other}, unless a pattern in RULES sets another.

        {notice_example}

        ## Size

        SYSLOG_MAX_BYTES limits the combined size of header and body. It is at least {least}; 0 means no limit. Characters and escapes are
        never split. The marks for TAMPER_WATCH, replays and late events are never removed. `trimmed` lists the fields that were removed or
        shortened. If not all names fit, `+n` is the number of the others.

        To keep a single event from delaying a run, Epimetheus *abridges* an event that has more than {most_bytes} bytes, whose type, name
        and address together exceed {names_bytes} bytes, or that takes longer than {event_seconds} seconds to render. An abridged message
        contains the main fields, each limited to {field_bytes} bytes. In JSON and OCSF, `epimetheusCut` also contains the first
        {text_bytes} bytes of the event's text, redacted, unless REDACT is set. The event's message starts with `[abridged: n bytes]`, and
        `trimmed` starts with `event`. At most {malformed_bytes} bytes of a malformed event are sent. The run's report counts abridged
        events in `abridged`.

        ## Redaction

        Credentials are redacted everywhere, including those in JSON inside strings, in percent-encoded text and in Base64. A credential is:

        - a value under a key that names a secret (`password`, `authorization`, `cookie`, `token`, …);
        - a value next to a member that names a secret, as in `{{"name": "password", "value": …}}`;
        - text that has the form of a secret: private keys, signatures, `Bearer …`, JWTs, tokens with a known prefix, API key IDs,
          pre-authenticated requests, and passwords in URLs.

        `[redacted]` replaces it. Numbers, OCIDs, fingerprints, times and names are not redacted. [Security](security.md#what-is-redacted) describes
        the rules and their limits. REDACT adds paths, in the form of the Audit API: `data.identity.ipAddress`, `*` for any key or index, or
        `epimetheus.compartmentPath`.

        ## FIELD_MAP

        FIELD_MAP is JSON text, `file:PATH` or `object:NAME`. Under `formats`, it has a section for each format, with these keys:

        | key | value |
        | --- | --- |
        | `rename` | default name → new name |
        | `add` | name → path of the value |
        | `omit` | default names that are not sent |
        | `order` | names that come first, in this order |
        | `labels` | for CEF: key without a fixed meaning → its label |

        FIELD_MAP also accepts the unchanged file of the Go program that Epimetheus replaces: `field_mappings` or, in its newest version,
        `service_mappings`; `ordered_fields`, `cef_vendor`, `cef_product` and `cef_version`. These names apply to CEF. LEEF's header also
        uses `cef_vendor` and `cef_product`. Keys that begin with `_comment` are ignored, in `RULES`, too. Names that cannot be used, and
        fields that only the Go program had, cause warnings ([Migrate](migrate.md)).

        ```json
        {{"formats": {{"cef": {{
          "rename": {{"suser": "accountName"}},
          "add": {{"OracleOCIAuditShape": "data.additionalDetails.shape", "cs2": "epimetheus.actor"}},
          "omit": ["destinationServiceName"],
          "labels": {{"cs2": "actor"}}
        }}}}}}
        ```

        Names are the keys in the tables above. In JSON and OCSF, they are dotted paths. The path of an added value is one of these:

        - its path in the Audit API, such as `data.additionalDetails.shape`; the value is redacted;
        - `epimetheus.compartmentPath`, `epimetheus.tamperWatch`, `epimetheus.replay`, `epimetheus.late`, or `epimetheus.actor`, which is
          `person`, `service` or `unknown` ([Rules](rules.md#people-and-services)), and is not sent by default;
        - a path in the [table below](#values-that-epimetheus-derives).

        A value that is not text is written as JSON. In CEF and LEEF, a key keeps its type and length: a value of another type is not sent,
        and a time in RFC 3339 format is converted. Your own keys accept {custom} characters. If a message is too large, added fields are
        removed first, unless their name is in the tables above. In OCSF, a new name can make messages invalid against the schema.

        Notices of Epimetheus, such as the messages of seals, keep the default fields of the tables above, because `verify` and searches
        depend on them. With CEF and LEEF, they also contain the fields that FIELD_MAP adds under other names, and its vendor, product and version.

        To see a message, and the value of every field in FIELD_MAP, run `epimetheus render --file event.json --explain`
        ([Command line](cli.md#render)).

        ### Values that Epimetheus derives

        With `add`, you can send these values in every format. In JSON, the last four are under `epimetheus` only if they come from
        `additionalDetails`, and `action` only if it differs from `data.eventName`.

        {derived}

        {situations}
        """).format(
        command=COMMAND,
        severity=severity_section(),
        cef=flat_table("cef", read_by_cefp, (*cef.CORE, *cef.SHED_ORDER), cef_limit),
        details=details(),
        cef_example=example("cef"),
        cef_shed=code_list(cef.SHED_ORDER),
        cef_core=code_list(cef.CORE),
        json_example=example("json"),
        data_shed=parts_of(json_base.DATA_SHED),
        kept=code_list(sorted(json_base.KEPT_MEMBERS)),
        kept_shed=parts_of(json_base.KEPT_SHED),
        caps=", ".join(map(str, json_base.CAPS)),
        leef=flat_table("leef", read_leef, (*leef.CORE, *leef.SHED_ORDER), leef_limit),
        leef_example=example("leef"),
        leef_shed=code_list(leef.SHED_ORDER),
        leef_core=code_list(leef.CORE),
        ocsf=ocsf_section(example("ocsf"), example("ocsf", "sign_on_failed"), table, parts_of),
        other=OTHER,
        notice_example=example("cef", "notice"),
        least=MIN_BYTES,
        most_bytes=f"{abridge.MAX_BYTES:,}",
        names_bytes=f"{abridge.NAMES_BYTES:,}",
        event_seconds=f"{abridge.EVENT_SECONDS:g}",
        field_bytes=abridge.FIELD_BYTES,
        text_bytes=f"{abridge.TEXT_BYTES:,}",
        malformed_bytes=f"{abridge.MALFORMED_BYTES:,}",
        custom=cef_keys.CUSTOM_LENGTH,
        marks=table(
            ("FORMAT", "replay", "late event"), [(f"`{form}`", f"`{mark}`", f"`{LATE_MARKS[form]}`") for form, mark in REPLAY_MARKS.items()]
        ),
        derived=derived(),
        situations=situations_section(),
    )


def test_the_example_of_a_field_map_is_valid():
    text = re.search(r"```json\n(.*?)```", page(), re.DOTALL)[1]
    field_map, warnings = read_field_map("FIELD_MAP", text)
    raw = event(identity={"principalName": "noor"}, additionalDetails={"shape": "VM.E5"}, resourceName="thing")
    extension = cef_of(raw, fields=field_map.fields("cef"), enrichment=Enrichment(actor="person"))
    assert [warning for warning in warnings if "this replaces data.resourceName" not in warning] == []
    assert extension == {
        "accountName": "noor", "act": "GetThing", "cat": "things", "OracleOCIAuditShape": "VM.E5", "cs2": "person", "cs2Label": "actor",
    }  # fmt: skip


def test_the_page_shows_every_situation():
    assert sorted(path.stem for path in EVENTS.iterdir()) == sorted(SITUATIONS)
    assert len(SITUATIONS) == 10


@pytest.mark.parametrize("name", SITUATIONS)
def test_the_command_prints_the_messages_of_a_situation(name):
    command = [sys.executable, "-m", "epimetheus", "render", "--file", str(EVENTS / f"{name}.json"), "--region", REGION, "--format", "all"]
    environment = {key: value for key, value in os.environ.items() if key.upper() not in _SETTINGS}
    done = subprocess.run(command, capture_output=True, check=False, env=environment)
    assert (done.returncode, done.stderr) == (0, b"")
    assert dict(zip(FORMATS, done.stdout.decode().splitlines(), strict=True)) == shown(name)


@pytest.mark.parametrize("name", SITUATIONS)
def test_what_to_look_for_is_in_the_messages_of_a_situation(name):
    found = re.findall(r"`(\w+=[^`]+)`", SITUATIONS[name][1])
    cef_message = message(name, "cef") + " "
    assert found
    assert [text for text in found if f" {text} " not in cef_message and text != "act=CreateBucket"] == []
    in_ocsf = {"`Failure`": '"status":"Failure"', "`MFA Factor Disable`": '"activity_name":"MFA Factor Disable"', "3002": '"class_uid":3002'}
    wanted = [text for word, text in in_ocsf.items() if word in SITUATIONS[name][1]]
    assert [text for text in wanted if text not in message(name, "ocsf")] == []


@pytest.mark.parametrize("form", FORMATS)
def test_wrapping_loses_nothing(form):
    for name in SITUATIONS:
        text = wrapped(message(name, form), form)
        assert unwrapped(text, form) == message(name, form)
        assert max(len(line) for line in text.splitlines()) < 160


def test_the_page_matches_the_code():
    assert DOC.read_text("utf-8") == page(), f"run {COMMAND}, and review the difference"


if __name__ == "__main__":
    DOC.write_text(page(), "utf-8")
