"""The section of docs/formats.md about situations that an analyst looks for, made from tests/data/situations."""

import json
import re
from itertools import groupby
from pathlib import Path
from textwrap import fill

from epimetheus.cli.event_forms import find_events
from epimetheus.render.renderer import FORMATS
from tests.render.helpers import render

EVENTS = Path(__file__).parents[1] / "data" / "situations"
REGION = "us-ashburn-1"
WIDTH = 140
SEPARATORS = {"cef": (r" (?=\w+=)", " "), "leef": (r"(?<=\^)(?!\|)", "")}
"""Format → where its messages may be wrapped, and what joins the lines again."""

# File → title, and what to look for. Tests check the values that it names.
SITUATIONS = {
    "failed_sign_on": (
        "Failed sign-on",
        "Look for `act=InteractiveLogin` with `outcome=failure`. `suser` is the account, `src` is the source address, and `reason` is why "
        "the sign-on failed. In OCSF, `class_uid` is 3002 (Authentication) and `status` is `Failure`.",
    ),
    "mfa_reset": (
        "MFA reset",
        "Look for `act=CreateAuthenticationFactorsRemover`, or for `mfa` or `factor` in `OracleOCIAuditDomainEvent`. The user in "
        "`suser` removed the second factors of the user in `OracleOCIAuditTarget`. In OCSF, `activity_name` is `MFA Factor Disable`, and "
        "`user` is the target.",
    ),
    "policy_change": (
        "Policy change",
        "Look for `act=UpdatePolicy`, and for `CreatePolicy` and `DeletePolicy`. The user in `suser` changed the policy in `cs2`. JSON and "
        "OCSF contain the old and the new statements under `stateChange`. CEF and LEEF do not: use `FIELD_MAP` to add "
        "`data.stateChange.current.statements`.",
    ),
    "api_key_upload": (
        "API key upload",
        "Look for `act=UploadApiKey`. The user in `suser` added a key to the user whose OCID is in `request`. If that OCID is not the "
        "one in `suid`, the key is for another account. JSON and OCSF contain the fingerprint. CEF and LEEF do not: use `FIELD_MAP` to add "
        "`data.response.payload.fingerprint`.",
    ),
    "instance_stopped": (
        "Instance stopped",
        "Look for `act=STOP`. The operation is `InstanceAction`, and `act` is the action in its parameters. `cs2` is the instance. In "
        "LEEF, the action is in `action`; in JSON and OCSF, it is in the parameters of the request.",
    ),
    "public_bucket": (
        "Bucket made public",
        "Look for `act=UpdateBucket` or `act=CreateBucket` with a `publicAccessType` other than `NoPublicAccess`. `cs2` is the bucket. "
        "JSON and OCSF contain `publicAccessType`. CEF and LEEF do not: use `FIELD_MAP` to add `data.additionalDetails.publicAccessType`.",
    ),
    "denied_call": (
        "Denied call",
        "Look for `outcome=failure` with `reason=NotAuthorizedOrNotFound`, and count these messages by `suser`. A single denied call is "
        "normal; many different ones within minutes are not. In OCSF, `status` is `Failure`, and `api.response.error` is the reason.",
    ),
    "service_for_a_user": (
        "Service on behalf of a user",
        "Look for `sourceServiceName=ResourceManager`, or any other value of this key. The service made the call for the user in `suser`, "
        "so `src` can be an address of the service. In LEEF, the service is in `callerName`; in OCSF, it is in `actor.app_name`.",
    ),
    "console_session": (
        "Action in a console session",
        "Look for `cs5=fed` (a federated user) or `natf` (a local user) with a browser in `requestClientApplication`. In OCSF, "
        "`actor.session.uid` is the same for all calls of a session. CEF and LEEF do not contain the session: use `FIELD_MAP` to add "
        "`data.identity.consoleSessionId`.",
    ),
    "break_glass_user": (
        "Break-glass user",
        "Look for the names of your emergency accounts in `suser`. The severity of a successful sign-on is low, so do not filter by it. "
        "`OracleOCIAuditDomainEvent=sso.session.create.success` marks the sign-on. Later calls have the same `suser`.",
    ),
}

TEXT = """\
## Situations

Each example states what to look for, in terms of CEF keys, and shows an event and its messages with the default settings. The tables above
list the names in the other formats. The events are shortened and use example names. Each message is sent on one line; here it is wrapped.
To print the messages of the first example, run:

    epimetheus render --file tests/data/situations/failed_sign_on.json --region {region} --format all

{situations}"""


def message(name, form):
    """The message of an event as ``epimetheus render`` prints it: a run named ``preview`` in REGION."""
    [event] = find_events((EVENTS / f"{name}.json").read_bytes())
    settings = {"run_id": "preview", "hostname": REGION, "region": REGION, "max_bytes": 8000}
    return render(event.decode(), 1, format=form, **settings).message.decode()


def wrapped(text, form):
    """The message on lines of about WIDTH characters: the syslog header, then pairs, or members of JSON."""
    header, body = re.fullmatch(r"(<.*?\]) (.*)", text).groups()
    separator, end = SEPARATORS.get(form, ("", ""))
    lines = _filled(re.split(separator, body), end) if separator else [_wrapped_json(json.loads(body))]
    return "\n".join([header, *lines])


def unwrapped(text, form):
    """The inverse of `wrapped`."""
    header, body = text.split("\n", 1)
    if form in SEPARATORS:
        return f"{header} " + body.replace("\n", SEPARATORS[form][1])
    return f"{header} " + json.dumps(json.loads(body), ensure_ascii=False, separators=(",", ":"))


def shown(name):
    """The messages on the page by format, unwrapped."""
    page = (Path(__file__).parents[2] / "docs" / "formats.md").read_text("utf-8")
    section = page.split(f"### {SITUATIONS[name][0]}\n")[1].split("</details>")[0]
    return {form: unwrapped(section.split(f"{form.upper()}:\n\n```text\n")[1].split("\n```")[0], form) for form in FORMATS}


def situations_section():
    """Returns the section, without the line end of its last line."""
    return TEXT.format(region=REGION, situations="\n\n".join(map(_situation, SITUATIONS)))


def _situation(name):
    title, look_for = SITUATIONS[name]
    severity = re.search(r"\|(\d+)\|rt=", message(name, "cef"))[1]
    event = (EVENTS / f"{name}.json").read_text("utf-8").rstrip()
    messages = "\n\n".join(f"{form.upper()}:\n\n```text\n{wrapped(message(name, form), form)}\n```" for form in FORMATS)
    text = fill(f"Severity {severity}. {look_for}", WIDTH, break_long_words=False, break_on_hyphens=False)
    return f"### {title}\n\n{text}\n\n<details>\n<summary>Event and messages</summary>\n\n```json\n{event}\n```\n\n{messages}\n\n</details>"


def _filled(parts, separator):
    """The parts on lines of at most WIDTH characters, unless a part is longer."""
    lines = [parts[0]]
    for part in parts[1:]:
        if len(lines[-1]) + len(separator) + len(part) > WIDTH:
            lines.append(part)
        else:
            lines[-1] += separator + part
    return lines


def _wrapped_json(tree, indent="", key=""):
    """JSON with each object or list on one line if it fits, and consecutive plain members together."""
    text = key + json.dumps(tree, ensure_ascii=False, separators=(", ", ": "))
    if len(indent) + len(text) < WIDTH or not isinstance(tree, dict | list):
        return text
    inner = indent + "  "
    is_object = isinstance(tree, dict)
    members = [(f"{json.dumps(name)}: ", value) for name, value in tree.items()] if is_object else [("", value) for value in tree]
    lines = []
    for is_plain, group in groupby(members, lambda member: not isinstance(member[1], dict | list)):
        parts = [_wrapped_json(value, inner, name) for name, value in group]
        lines += [line.removesuffix(",") for line in _filled([f"{part}," for part in parts], " ")] if is_plain else parts
    opening, closing = "{}" if is_object else "[]"
    return f"{key}{opening}\n{inner}" + f",\n{inner}".join(lines) + f"\n{indent}{closing}"
