"""docs/formats.md is made here, from what the code does, and must be as it is made: ``python -m tests.docs.test_formats_doc`` writes it."""

import re
from pathlib import Path
from textwrap import dedent, fill

from epimetheus.config.field_map import read_field_map
from epimetheus.render import MIN_BYTES, abridge, addresses, meaning, typed_values
from epimetheus.render.formats import cef, cef_keys, json_base, leef, ocsf
from epimetheus.render.formats.base import Enrichment
from epimetheus.render.severity_table import OTHER
from tests.docs.severity_section import severity_section
from tests.render.helpers import body, event, read_by_cefp, read_leef
from tests.render.helpers import cef as cef_of
from tests.render.test_golden import golden

DOC = Path(__file__).parents[2] / "docs" / "formats.md"
COMMAND = "python -m tests.docs.test_formats_doc"

# An event whose every value is its own: where it turns up is where it goes.
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
SAID_ELSEWHERE = {  # what is not there as it stands in the event
    "rt": "`eventTime`, in milliseconds", "end": "`data.response.responseTime`, in milliseconds",
    "devTime": "`eventTime`, in UTC, with three decimals", "responseTime": "`data.response.responseTime`; if it is a time, in UTC with three decimals", "devTimeFormat": f"always `{leef.TIME_FORMAT}`",
    "outcome": "`success` or `failure`, from a status of at least 400 or an error code, else from the ending of an identity domain's event ID, "
    "else from the messages and the status; absent if none shows it",
    "reason": "why it failed: `data.response.payload`'s `code` or `login_result`, the code that a message quotes or the status is, or the "
    "response's message; for an identity domain its comment",
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
    "srcPostNAT": "`data.identity.ipAddress`: the second address", "shost": "`data.identity.ipAddress`: what is left of it, or no address",
    "srcOther": "`data.identity.ipAddress`: what is left of it, or no address", "cat": "in CEF, the service in `eventType`; in LEEF, the outcome as `Success` or `Failed`",
    "destinationServiceName": "the service in `eventType`", "sev": "the severity, 1 to 10", "isLoginEvent": "`true` for any sign-on",
    "identSrc": "`src`, for a sign-on that succeeded", "flexString1": "`eventId`, where it is too long for `externalId`",
    "principalName": "`data.identity.principalName`, where it is too long for `usrName`",
    cef.TAMPER_WATCH: "`true` where the event touches what TAMPER_WATCH names", cef.COMPARTMENT_PATH: "the compartment's path",
    "tamperWatch": "`true` where the event touches what TAMPER_WATCH names", "compartmentPath": "the compartment's path",
}  # fmt: skip


def paths(tree, path=()):
    for key, item in tree.items():
        yield from paths(item, (*path, key)) if isinstance(item, dict) else [(item, ".".join((*path, key)))]


def table(head, rows):
    return "\n".join(["| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows]])


def named(keys):
    return fill(", ".join(f"`{key}`" for key in keys) + ".", 140, break_long_words=False, break_on_hyphens=False)


def from_where(key, written):
    origin = dict(paths(PROBE))
    if key in SAID_ELSEWHERE:
        return SAID_ELSEWHERE[key]
    path = origin[written[key]]
    return f"`{path}`" + (", else `data.response.message`" if path == "data.message" else "")


def flat_table(form, read, keys, limit):
    written = read(body(PROBE, format=form))[1]
    missing = {key for key in keys if key not in written} - SAID_ELSEWHERE.keys()
    assert missing == set()
    order = [key for key in written if not key.endswith("Label")]
    assert set(order) <= set(keys)
    rows = [(f"`{key}`", from_where(key, written), limit(key)) for key in [*order, *[key for key in keys if key not in order]]]
    return table(("key", "from", "takes"), rows)


KINDS = {
    typed_values.millis: "milliseconds", typed_values.ipv4: "an IPv4 address", addresses.ipv6: "an IPv6 address", typed_values.integer: "a whole number",
    typed_values.address: "an IPv4 or IPv6 address", typed_values.port: "0 to 65535", leef.TYPED["devTime"]: "a time", leef.TYPED["sev"]: "1 to 10",
}  # fmt: skip


def limit_of(key, typed, lengths, custom):
    return KINDS[typed[key]] if key in typed else f"{lengths.get(key, custom)} characters"


def cef_limit(key):
    label = f", labelled `{cef.LABELS[key]}`" if key in cef.LABELS else ""
    return limit_of(key, cef_keys.TYPED, cef_keys.LENGTHS, cef_keys.CUSTOM_LENGTH) + label


def leef_limit(key):
    return limit_of(key, leef.TYPED, leef.LENGTHS, leef.CUSTOM_LENGTH)


def ocsf_table():
    rows = [(f"`{'.'.join(place)}`", f"`{'.'.join(origin)}`") for origin, place in ocsf.PLACES]
    rows += [
        ("`time`, `end_time`", "`eventTime`, `data.response.responseTime`, in milliseconds"),
        ("`http_request.http_method`", "`data.request.action`, where the schema knows it: it has no PATCH, which stays under `unmapped`"),
        ("`activity_id`, `type_uid`", "by the verb, see below"),
        ("`severity_id`", "by the severity, see below"),
        ("`status_id`", "1 success, 2 failure, 0 unknown"),
        ("`status_detail`, `api.response.error`", "why it failed, as CEF's `reason`"),
        ("`api.response.code`", "`data.response.status`, where it is an HTTP status"),
        ("`api.service.name`", "the service in `eventType`"),
        ("`src_endpoint.ip`, `.intermediate_ips`, `.name`", "`data.identity.ipAddress`: the first address, the others, what is no address"),
        ("`cloud.account.type_id`", "12, OCI Compartment"),
        ("`unmapped.data`, `unmapped`", "what has no place, named as in the event"),
        ("`unmapped.epimetheus`", "`compartmentPath`, `tamperWatch`"),
    ]
    return table(("OCSF", "from"), rows)


def details():
    fields = {"principal_name": "principalName", "principal_id": "principalId", "ip_address": "ipAddress", "user_agent": "userAgent"}
    rows = [(f"`data.identity.{fields[name]}`", ", else ".join(f"`{key}`" for key in meaning.DETAILS[name])) for name in meaning.IDENTITY_FIELDS]
    return table(("empty field", "member of `data.additionalDetails`"), rows)


def activities():
    names = {ocsf.CREATE: "create", ocsf.READ: "read", ocsf.UPDATE: "update", ocsf.DELETE: "delete"}
    rows = [(str(number), names[number], ", ".join(f"`{verb}`" for verb in verbs)) for number, verbs in sorted(ocsf.ACTIVITIES.items())]
    return table(("activity_id", "", "verb of the event's name"), [*rows, (str(ocsf.OTHER), "other", "anything else")])


def ocsf_severities():
    rows = {}
    for number, told in enumerate(ocsf.SEVERITIES):
        rows.setdefault(told, []).append(number)
    return ", ".join(f"{numbers[0]} to {numbers[-1]} → {told}" if len(numbers) > 1 else f"{numbers[0]} → {told}" for told, numbers in rows.items())


def example(form, name="watched", header="rfc5424"):
    return f"```text\n{golden(name, form, header).message.decode()}\n```"


def parts_of(paths_of):
    return named(".".join(path) for path in paths_of)


def made():
    return dedent("""\
        # Formats

        What `FORMAT` sends, field by field. Made by `{command}` from the code: do not edit it by hand.

        `cef` (the default), `json`, `leef` and `ocsf` say the same of an event. A message is one line of UTF-8 without a BOM: syslog header,
        then body. What an event does not say is left out, never empty. The examples show one event, which touches a resource of
        TAMPER_WATCH, with `SYSLOG_HEADER=rfc5424`.

        ## The syslog header

        - **RFC 5424**: `<PRI>1 TIMESTAMP HOSTNAME APP-NAME - MSGID [epimetheus@32473 run="…" seq="…" trimmed="…"] `. TIMESTAMP is the event's,
          or the start of the run where the event has none: in UTC, with exactly three decimals. `run` is the run's id, `seq` counts its messages from 1: a gap is a lost message. `trimmed` stands there only
          where something was shed or cut, and lists what.
        - **RFC 3164**: `<PRI>Mmm dd hh:mm:ss HOSTNAME TAG: `, in UTC. It has no place for run, sequence and what was trimmed; the body says the
          latter.
        - MSGID is `audit` for an event, `malformed` for what could not be understood (RFC 3164: `TAG[malformed]: `), `notice` for a message of
          our own. What is malformed goes as the text it came as, redacted, in every format.
        - PRI is SYSLOG_FACILITY and a level by severity: 0 to 3 informational, 4 to 6 notice, 7 and 8 warning, 9 and 10 error.

        ## Characters that hide or imitate

        Some of what an event says is chosen by whoever makes a call (a user agent, a resource name). Two things in it are made harmless, in every
        format, in keys and in values, and in the text of malformed events:

        - **Characters that are not seen** (Unicode Cc, Cf, Zl, Zp, and what is ignorable by default: zero-width and bidirectional characters, tags,
          variation selectors, fillers) are written as JSON escapes. In JSON and OCSF that is the same text to a reader. In CEF and LEEF it is the
          six visible characters `\\u202e` (in CEF, which escapes the backslash, a reader gets these six; two such groups above U+FFFF), after
          control characters were removed as described there. Emoji of several parts and some scripts (Persian) show such escapes, too.
        - **Words that begin a message**, `CEF:0` and `LEEF:1.0`, in any letter case: consumers look for them anywhere in a line, and some take the
          last one for the message. In CEF and LEEF a blank follows the colon (`CEF: 0|`), in JSON and OCSF the colon is escaped
          (`CEF\\u003a0|`), which is the same text to a reader.

        {severity}

        ## CEF

        `CEF:0|Oracle|OCI Audit|<eventTypeVersion>|<eventType>|<eventName>|<severity>|` and the extension, by the CEF implementation standard,
        version 27. In the header `\\` and `|` are escaped, in values `\\`, `=` and line ends (`\\n`, `\\r`). Control characters are removed. A value longer
        than its key allows ends in `…` and counts as trimmed.

        Identity domains leave `data.identity` and `data.response` empty. Where one of these fields is empty, its value comes from
        `data.additionalDetails`, in CEF and LEEF:

        {details}

        `data.identity.ipAddress` may have several addresses, separated by commas, `;` or spaces, each with a port: the first one is the source.
        `None`, `null` and `-` are no address.

        {cef}

        {cef_example}

        Shed where a message is too large, first to last:
        {cef_shed}
        Then values are cut, and at the very end these go, from the last to the first:
        {cef_core}

        ## JSON

        The event as OCI gave it: every key, in its order, every digit of a number; compact, without secrets. Last stands
        `"epimetheus": {{"compartmentPath": …, "tamperWatch": true}}`, with what there is to say. A top-level key `epimetheus`,
        `epimetheusTrimmed` or `epimetheusCut` that the event itself has is renamed (`event_epimetheus`), in OCSF too: it is no note of ours.

        {json_example}

        Shed first to last, as parts of `data`:
        {data_shed}
        `….others` are all members except those that say what the event means: {kept}.
        Then the compartment's path, then any other object or list in `data`, then {kept_shed} Then strings are cut, the longest first, to {caps}
        bytes, and end in `…[n bytes cut]`. Only an event of thousands of keys is still too large then: its text becomes one string under
        `epimetheusCut`. With RFC 3164, `epimetheusTrimmed` lists what was trimmed.

        ## LEEF

        `LEEF:2.0|Oracle|OCI Audit|<eventTypeVersion>|<eventType>|^|` and `key=value` with `^` in between. A value ends at the next `^` and nowhere
        else: it may hold `=`. LEEF has no escapes, so `^` and `|` in a value become `?`, tabs and line ends a blank; other control characters are removed.
        QRadar finds the log source by the header's HOSTNAME, and the event's QID by EventID (`eventType`) and `cat`.

        {leef}

        {leef_example}

        Shed, first to last:
        {leef_shed}
        Then values are cut, and at the very end these go, from the last to the first:
        {leef_core}

        ## OCSF

        API Activity (class 6003) of OCSF {version} with its `cloud` profile, sign-ons as well. Every message is valid by the schema, also a trimmed
        one, where SYSLOG_MAX_BYTES is at least 2400: with less, the core may have no room, and is cut as in JSON.

        {ocsf}

        {activities}

        Severity (CEF → `severity_id`): {severities}.

        What the schema requires and an event does not tell is `unknown` (`actor.user.name`, `src_endpoint.name`); `time` is then when the call
        was answered, else the start of the run.

        {ocsf_example}

        Shed as in JSON, from `unmapped`; then, first to last:
        {ocsf_shed}
        Then strings are cut as in JSON. With RFC 3164, `unmapped.epimetheusTrimmed` lists what was trimmed.

        ## Messages of our own

        What was held back by a rate limit, what our own polling made, what a run sent: each has the form of an event (`eventType`
        `epimetheus.HeldBack`, `epimetheus.OwnPolling`, `epimetheus.Run`), the sentence as its message, the figures under
        `data.additionalDetails`; MSGID is `notice`, the severity {other} unless a pattern says otherwise.

        {notice_example}

        ## Size

        SYSLOG_MAX_BYTES (at least {least}; 0: no limit) counts header and body. Nothing is cut inside a character or an escape. The mark of
        TAMPER_WATCH is never shed. `trimmed` names what was, with `+n` for names that had no room.

        No event may delay a run. An event of more than {most_bytes} bytes, one whose type, name and address together have more than
        {names_bytes}, or one that takes longer than {event_seconds} seconds to render, is *abridged*: it has its main fields, each cut to
        {field_bytes} bytes, and in JSON and OCSF the first {text_bytes} bytes of its text as `epimetheusCut`, masked like any other; its
        message begins with `[abridged: n bytes]`, and `trimmed` with `event`. With REDACT the beginning of the text is left out. Of
        malformed text {malformed_bytes} bytes are sent. The run's report counts these as `abridged`.

        ## Redaction

        Credentials are hidden wherever they stand, also in JSON within strings: values under a key that names a secret (`password`, `authorization`,
        `cookie`, `token`, …), values that a sibling names, and what looks like a secret (private keys, signatures, `Bearer …`, JWTs, tokens with a
        known prefix, API key ids, pre-authenticated requests, passwords in URLs), also percent-encoded or in Base64. In their place stands
        `[redacted]`. Numbers, OCIDs, fingerprints, times and names stay. [security.md](security.md#what-is-redacted) has the rules and their limits.
        REDACT names further paths, as the API writes events (`data.identity.ipAddress`, `*` for any key or index; `epimetheus.compartmentPath`).

        ## FIELD_MAP

        A JSON text, `file:PATH` or `object:NAME`, with a part for each format: `rename` (name by default → name wanted), `add` (name → path of its
        value), `omit`, `order` (what comes first), for CEF also `labels`. The Go program's `field_mappings`, `ordered_fields`, `cef_vendor`,
        `cef_product` and `cef_version` work as they are; vendor and product stand in LEEF's header, too.

        ```json
        {{"formats": {{"cef": {{
          "rename": {{"suser": "duser"}},
          "add": {{"OracleOCIAuditShape": "data.additionalDetails.shape", "cs2": "epimetheus.actor"}},
          "omit": ["destinationServiceName"],
          "labels": {{"cs2": "actor"}}
        }}}}}}
        ```

        Names are the keys above, in JSON and OCSF dotted paths. A value that is added is read from the event without its secrets, by its path as
        the API writes it, or is `epimetheus.compartmentPath`, `epimetheus.tamperWatch` or `epimetheus.actor` (`person`, `service`, `unknown`:
        [rules.md](rules.md)), which stands nowhere else. What is no text goes as JSON. In CEF and LEEF a key keeps its type and length: a value
        that is not of the type is left out; a time may be RFC 3339 and is rewritten. Any other key takes {custom} characters. What was added is
        shed first, unless its name is one of those above. In OCSF a changed name may make a message invalid by the schema.
        """).format(
        command=COMMAND,
        severity=severity_section(),
        cef=flat_table("cef", read_by_cefp, (*cef.CORE, *cef.SHED_ORDER), cef_limit),
        details=details(),
        cef_example=example("cef"),
        cef_shed=named(cef.SHED_ORDER),
        cef_core=named(cef.CORE),
        json_example=example("json"),
        data_shed=parts_of(json_base.DATA_SHED),
        kept=named(sorted(json_base.KEPT_MEMBERS)).removesuffix("."),
        kept_shed=parts_of(json_base.KEPT_SHED),
        caps=", ".join(map(str, json_base.CAPS)),
        leef=flat_table("leef", read_leef, (*leef.CORE, *leef.SHED_ORDER), leef_limit),
        leef_example=example("leef"),
        leef_shed=named(leef.SHED_ORDER),
        leef_core=named(leef.CORE),
        version=ocsf.VERSION,
        ocsf=ocsf_table(),
        activities=activities(),
        severities=ocsf_severities(),
        ocsf_example=example("ocsf"),
        ocsf_shed=parts_of(ocsf.SHED_ORDER),
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
    )


def test_the_example_of_a_field_map_is_one():
    text = re.search(r"```json\n(.*?)```", made(), re.DOTALL)[1]
    field_map, warnings = read_field_map("FIELD_MAP", text)
    raw = event(identity={"principalName": "noor"}, additionalDetails={"shape": "VM.E5"}, resourceName="thing")
    extension = cef_of(raw, fields=field_map.fields("cef"), enrichment=Enrichment(actor="person"))
    assert [warning for warning in warnings if "this replaces data.resourceName" not in warning] == []
    assert extension == {
        "duser": "noor", "act": "GetThing", "cat": "things", "OracleOCIAuditShape": "VM.E5", "cs2": "person", "cs2Label": "actor",
    }  # fmt: skip


def test_the_document_says_what_the_code_does():
    assert DOC.read_text("utf-8") == made(), f"run {COMMAND}, and look at what has changed"


if __name__ == "__main__":
    DOC.write_text(made(), "utf-8")
