"""docs/formats.md is generated from the code: ``python -m tests.docs.test_formats_doc`` writes it."""

import re
from pathlib import Path
from textwrap import dedent, fill

from epimetheus.config.field_map import read_field_map
from epimetheus.render import MIN_BYTES, abridge, addresses, meaning, typed_values
from epimetheus.render.formats import cef, cef_keys, json_base, leef
from epimetheus.render.formats.base import REPLAY_MARKS, Enrichment
from epimetheus.render.severity_table import OTHER
from tests.docs.ocsf_section import ocsf_section
from tests.docs.severity_section import severity_section
from tests.render.helpers import body, event, read_by_cefp, read_leef
from tests.render.helpers import cef as cef_of
from tests.render.test_golden import golden

DOC = Path(__file__).parents[2] / "docs" / "formats.md"
COMMAND = "python -m tests.docs.test_formats_doc"

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
    DETAILS.format("`, else `".join(meaning.DETAILS[name])) for name in ("domain_event", "reason_code", "target", "second_target")
)
DERIVED = {  # keys whose value differs from the event's
    "rt": "`eventTime`, in milliseconds", "end": "`data.response.responseTime`, in milliseconds",
    "devTime": "`eventTime`, in UTC with three decimals", "responseTime": "`data.response.responseTime`; a time is written in UTC with three decimals", "devTimeFormat": f"always `{leef.TIME_FORMAT}`",
    "outcome": "`success` or `failure`, from a status of at least 400 or an error code, else from the ending of an identity domain's event ID, "
    "else from the messages and the status; absent if none shows it",
    "reason": "why the call failed: `code` or `login_result` of `data.response.payload`, the code in a message or in place of the status, or the "
    "response's message; for an identity domain, its comment",
    "act": "the verb in a parameter (`STOP` of InstanceAction), else `data.eventName`, else the operation in `eventType`",
    "action": "the verb in a parameter (`STOP` of InstanceAction)",
    "eventName": "`data.eventName`, else the operation in `eventType`",
    cef.DOMAIN_EVENT: DOMAIN_EVENT, "domainEvent": DOMAIN_EVENT,
    cef.TARGET: TARGET, "target": TARGET, cef.SECOND_TARGET: SECOND_TARGET, "secondTarget": SECOND_TARGET,
    cef.REASON_CODE: REASON_CODE, "reasonCode": REASON_CODE,
    "spt": "`data.identity.ipAddress`: the port of the first address", "srcPort": "`data.identity.ipAddress`: the port of the first address",
    "sourceTranslatedPort": "the port of `sourceTranslatedAddress`", "srcPostNATPort": "the port of `srcPostNAT`",
    "src": "`data.identity.ipAddress`: the first address", "c6a2": "`data.identity.ipAddress`: the first IPv6 address",
    "sourceTranslatedAddress": "`data.identity.ipAddress`: the first IPv4 address after the source",
    "srcPostNAT": "`data.identity.ipAddress`: the second address", "shost": "`data.identity.ipAddress`: the remaining addresses, or text that is no address",
    "srcOther": "`data.identity.ipAddress`: the remaining addresses, or text that is no address", "cat": "in CEF, the service in `eventType`; in LEEF, the outcome as `Success` or `Failed`",
    "destinationServiceName": "the service in `eventType`", "sev": "the severity, 1 to 10", "isLoginEvent": "`true` for any sign-on",
    "identSrc": "`src`, for a sign-on that succeeded", "flexString1": "`eventId`, if it is too long for `externalId`",
    "principalName": "`data.identity.principalName`, if it is too long for `usrName`",
    cef.TAMPER_WATCH: "`true` if the event names a resource of TAMPER_WATCH", cef.COMPARTMENT_PATH: "the compartment's path",
    cef.REPLAY: "`true` in a replay", "replay": "`true` in a replay",
    "tamperWatch": "`true` if the event names a resource of TAMPER_WATCH", "compartmentPath": "the compartment's path",
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
    label = f", labelled `{cef.LABELS[key]}`" if key in cef.LABELS else ""
    return limit_of(key, cef_keys.TYPED, cef_keys.LENGTHS, cef_keys.CUSTOM_LENGTH) + label


def leef_limit(key):
    return limit_of(key, leef.TYPED, leef.LENGTHS, leef.CUSTOM_LENGTH)


def details():
    fields = {"principal_name": "principalName", "principal_id": "principalId", "ip_address": "ipAddress", "user_agent": "userAgent"}
    rows = [(f"`data.identity.{fields[name]}`", ", else ".join(f"`{key}`" for key in meaning.DETAILS[name])) for name in meaning.IDENTITY_FIELDS]
    return table(("empty field", "member of `data.additionalDetails`"), rows)


def example(form, name="watched", header="rfc5424"):
    return f"```text\n{golden(name, form, header).message.decode()}\n```"


def parts_of(paths_of):
    return code_list(".".join(path) for path in paths_of)


def page():
    return dedent("""\
        # Formats

        After reading this page you can write or adapt a parser for each `FORMAT`, and rename or add fields.
        `{command}` generates this page from the code.

        `cef` (the default), `json`, `leef` and `ocsf` carry the same information. A message is one line of UTF-8 without a BOM: syslog header, then
        body. Values that an event lacks are omitted, never empty. The examples show one event, which names a resource of TAMPER_WATCH, with
        `SYSLOG_HEADER=rfc5424`.

        ## Syslog header

        - **RFC 5424**: `<PRI>1 TIMESTAMP HOSTNAME APP-NAME - MSGID [epimetheus@32473 run="…" seq="…" trimmed="…"] `. TIMESTAMP is the event's time, or
          the start of the run if the event has none, in UTC with exactly three decimals. `run` is the run's id. `seq` counts the run's messages from
          1: a gap is a lost message. `trimmed` is present only if fields were shed or cut, and lists them.
        - **RFC 3164**: `<PRI>Mmm dd hh:mm:ss HOSTNAME TAG: `, in UTC. It has no room for run and sequence. The body lists what was trimmed.
        - MSGID is `audit` for an event, `malformed` for one that could not be parsed (RFC 3164: `TAG[malformed]: `), and `notice` for a message of
          Epimetheus itself. A malformed event is sent as its redacted text, in every format.
        - A replay marks each message twice, so that a receiver that drops the header still sees it: with `replay="true"` after `seq` (RFC 3164:
          `TAG[replay]: `, or `TAG[malformed-replay]: `), and in the body with {replay_marks}. The mark in the body is never shed. A malformed
          event has it in the header only.
        - PRI combines SYSLOG_FACILITY with a level from the severity: 0 to 3 informational, 4 to 6 notice, 7 and 8 warning, 9 and 10 error.

        ## Characters that hide or imitate

        The caller controls part of the event's text (a user agent, a resource name). Epimetheus makes two things harmless in every format, in
        keys, in values, and in the text of malformed events:

        - **Invisible characters** (Unicode Cc, Cf, Zl, Zp, and default ignorable characters: zero-width and bidirectional characters, tags, variation
          selectors, fillers) are written as JSON escapes. In JSON and OCSF a reader sees the same text. In CEF and LEEF a reader sees the six
          characters `\\u202e` (in CEF, which escapes the backslash, those six; two such groups above U+FFFF), after control characters were removed as
          described there. Emoji that consist of several parts, and some scripts (Persian), also show such escapes.
        - **Text that starts a message**, `CEF:0` and `LEEF:1.0`, in any letter case: some consumers search for it anywhere in a line and take the last
          match as the message. CEF and LEEF insert a space after the colon (`CEF: 0|`). JSON and OCSF escape the colon (`CEF\\u003a0|`), which is the
          same text to a reader.

        {severity}

        ## CEF

        `CEF:0|Oracle|OCI Audit|<eventTypeVersion>|<eventType>|<eventName>|<severity>|` and the extension, according to the CEF implementation standard,
        version 27. The header escapes `\\` and `|`, values escape `\\`, `=` and line ends (`\\n`, `\\r`). Control characters are removed. A value longer
        than its key allows ends in `…` and counts as trimmed.

        Identity domains leave `data.identity` and `data.response` empty. If one of these fields is empty, its value comes from
        `data.additionalDetails`, in CEF and LEEF:

        {details}

        `data.identity.ipAddress` may have several addresses, separated by commas, `;` or spaces, each with a port: the first one is the source.
        `None`, `null` and `-` are no address.

        {cef}

        {cef_example}

        If a message is too large, these are shed, first to last:
        {cef_shed}
        Then values are cut. As a last resort these are shed, from the last to the first:
        {cef_core}

        ## JSON

        The event as OCI returned it: every key, in its order, every digit of a number; compact, with secrets redacted. The last key is
        `"epimetheus": {{"compartmentPath": …, "tamperWatch": true, "replay": true}}`, with the values that apply. A top-level key `epimetheus`, `epimetheusTrimmed` or
        `epimetheusCut` of the event itself is renamed (`event_epimetheus`), in OCSF too, so that it cannot be mistaken for Epimetheus' own.

        {json_example}

        If a message is too large, these parts of `data` are shed, first to last:
        {data_shed}
        `….others` are all members except those that say what the event means: {kept}.
        Then the compartment's path, then any other object or list in `data`, then {kept_shed} Then strings are cut, the longest first, to {caps}
        bytes, and end in `…[n bytes cut]`. Only an event with thousands of keys is still too large then: its text becomes one string under
        `epimetheusCut`. With RFC 3164, `epimetheusTrimmed` lists what was trimmed.

        ## LEEF

        `LEEF:2.0|Oracle|OCI Audit|<eventTypeVersion>|<eventType>|^|`, then `key=value` pairs separated by `^`. A value ends only at the next `^`, so it
        may contain `=`. LEEF has no escapes: `^` and `|` in a value become `?`, tabs and line ends a space; other control characters are removed.
        QRadar finds the log source by the header's HOSTNAME, and the event's QID by EventID (`eventType`) and `cat`.

        {leef}

        {leef_example}

        If a message is too large, these are shed, first to last:
        {leef_shed}
        Then values are cut. As a last resort these are shed, from the last to the first:
        {leef_core}

        {ocsf}

        ## Notices

        Epimetheus sends notices about rate-limited events, its own polling, and the end of a run. Each has the form of an event (`eventType`
        `epimetheus.HeldBack`, `epimetheus.OwnPolling`, `epimetheus.Run`), with a sentence as its message and the figures under
        `data.additionalDetails`. MSGID is `notice`; the severity is {other} unless a pattern sets another.

        {notice_example}

        ## Size

        SYSLOG_MAX_BYTES (at least {least}; 0: no limit) includes header and body. Nothing is cut inside a character or an escape. The mark of
        TAMPER_WATCH is never shed. `trimmed` lists what was shed or cut, with `+n` for names that did not fit.

        No event may delay a run. An event of more than {most_bytes} bytes, one whose type, name and address together exceed {names_bytes} bytes, or one
        that takes longer than {event_seconds} seconds to render, is *abridged*: it has its main fields, each cut to {field_bytes} bytes, and in JSON and
        OCSF the first {text_bytes} bytes of its text as `epimetheusCut`, redacted like any other. Its message starts with
        `[abridged: n bytes]`, and `trimmed` with `event`. If REDACT is set, the start of the text is omitted. Of a malformed event, {malformed_bytes}
        bytes are sent. The run's report counts abridged events in `abridged`.

        ## Redaction

        Credentials are redacted everywhere, also in JSON within strings: values under a key that names a secret (`password`, `authorization`, `cookie`,
        `token`, …), values that a sibling names, and text with the shape of a secret (private keys, signatures, `Bearer …`, JWTs, tokens with a known
        prefix, API key ids, pre-authenticated requests, passwords in URLs), also percent-encoded or in Base64. They are replaced with `[redacted]`.
        Numbers, OCIDs, fingerprints, times and names stay. [Security](security.md#what-is-redacted) has the rules and their limits. REDACT adds
        paths, as the API writes events (`data.identity.ipAddress`, `*` for any key or index; `epimetheus.compartmentPath`).

        ## FIELD_MAP

        FIELD_MAP is a JSON text, `file:PATH` or `object:NAME`, with a section per format: `rename` (default name → new name), `add` (name → path of the
        value), `omit`, `order` (which fields come first), and for CEF `labels`. The Go program's `field_mappings`, `ordered_fields`, `cef_vendor`,
        `cef_product` and `cef_version` work unchanged; vendor and product also appear in LEEF's header.

        ```json
        {{"formats": {{"cef": {{
          "rename": {{"suser": "duser"}},
          "add": {{"OracleOCIAuditShape": "data.additionalDetails.shape", "cs2": "epimetheus.actor"}},
          "omit": ["destinationServiceName"],
          "labels": {{"cs2": "actor"}}
        }}}}}}
        ```

        Names are the keys above; in JSON and OCSF they are dotted paths. An added value is read from the redacted event, by its path as the API writes
        it, or is `epimetheus.compartmentPath`, `epimetheus.tamperWatch`, `epimetheus.replay` or `epimetheus.actor` (`person`, `service`, `unknown`:
        [Rules](rules.md#people-and-services)), which is not sent by default. A value that is not text is written as JSON. In CEF and LEEF a key keeps
        its type and length: a value of another type is omitted; a time may be RFC 3339 and is converted. Other keys accept {custom} characters. Added
        fields are shed first, unless their name is one of those above. In OCSF a changed name can make a message invalid against the schema.
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
        kept=code_list(sorted(json_base.KEPT_MEMBERS)).removesuffix("."),
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
        replay_marks=", ".join(f"`{mark}` ({form})" for form, mark in REPLAY_MARKS.items()),
    )


def test_the_example_of_a_field_map_is_valid():
    text = re.search(r"```json\n(.*?)```", page(), re.DOTALL)[1]
    field_map, warnings = read_field_map("FIELD_MAP", text)
    raw = event(identity={"principalName": "noor"}, additionalDetails={"shape": "VM.E5"}, resourceName="thing")
    extension = cef_of(raw, fields=field_map.fields("cef"), enrichment=Enrichment(actor="person"))
    assert [warning for warning in warnings if "this replaces data.resourceName" not in warning] == []
    assert extension == {
        "duser": "noor", "act": "GetThing", "cat": "things", "OracleOCIAuditShape": "VM.E5", "cs2": "person", "cs2Label": "actor",
    }  # fmt: skip


def test_the_page_matches_the_code():
    assert DOC.read_text("utf-8") == page(), f"run {COMMAND}, and review the difference"


if __name__ == "__main__":
    DOC.write_text(page(), "utf-8")
