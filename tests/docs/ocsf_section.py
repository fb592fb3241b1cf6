"""The section of docs/formats.md about OCSF, made from the tables in the code."""

from textwrap import fill

from epimetheus.render.formats import ocsf, ocsf_classes
from epimetheus.render.formats.ocsf_classes import ACCOUNT_CHANGE, API_ACTIVITY, AUTHENTICATION, GROUP_MANAGEMENT, OTHER
from tests.render.ocsf_schema import versions

# Operations and event IDs that Oracle documents; the table shows the class that each one has.
EXAMPLES = (
    "InteractiveLogin", "FederatedInteractiveLogin", "AddUserToGroup", "RemoveUserFromGroup", "CreateGroup", "UpdateGroup", "DeleteGroup",
    "CreateDynamicGroup", "CreateUser", "UpdateUser", "DeleteUser", "UpdateUserState", "CreateOrResetUIPassword", "CreateMfaTotpDevice",
    "ActivateMfaTotpDevice", "DeleteMfaTotpDevice", "PutUserStatusChanger", "PutUserPasswordChanger", "PutUserPasswordResetter",
    "CreateAuthenticationFactorsRemover", "sso.session.create", "sso.session.delete", "sso.session.modify", "sso.authentication",
    "sso.app.access", "sso.auth.factor", "sso.bypasscode.create", "sso.bypasscode.delete", "admin.user.create", "admin.user.update",
    "admin.user.delete", "admin.user.activated", "admin.user.deactivated", "admin.me.register", "admin.me.locked", "admin.user.unlocked",
    "admin.me.password.change", "admin.me.password.reset", "admin.user.password.reset", "admin.group.create", "admin.group.update",
    "admin.group.delete", "admin.group.add.member", "admin.group.remove.member",
)  # fmt: skip

TEXT = """\
## OCSF

The body follows OCSF {version} with its `cloud` profile. It is also valid against the later versions up to {newest}. A trimmed message is
also valid if SYSLOG_MAX_BYTES is at least 2400. With a smaller limit, the required members may not fit; the text then becomes one string,
as in JSON.

Every class has the same members for the call, the actor, the source and the HTTP request:

{places}

### Classes

With `OCSF_CLASSES=auto`, sign-ons are Authentication, changes of users, passwords and MFA are Account Change, changes of groups are
Group Management, and everything else is API Activity ({api}). With `OCSF_CLASSES=api`, everything is API Activity.

The words in the operation's name determine the class, so similar operations have the same class. If an identity domain's event has an event
ID, the words in that ID decide first. Reads of users and groups are API Activity, and so are all events about policies, settings, roles,
API keys and tokens.

{classes}

These members depend on the class:

{members}

In API Activity, the verb in the name decides the activity. If a name has several verbs, the first of these activities that applies decides:
delete, create, update, read.

{activities}

Severity (CEF → `severity_id`): {severities}.

If the event lacks a value that the schema requires, the field is `unknown` (`actor.user.name`, `user.name`, `group.name`,
`src_endpoint.name`). If the event has no time, `time` is the time of the response, or else the start of the run.

{example}

The message of a failed sign-on:

{sign_on}

If a message is too large, these members are removed first. They repeat other values, so they are not listed as trimmed:
{derived}
Then members of `unmapped.data` are removed as in JSON, and `api.response.data` and `api.request.data` instead of `response.payload` and
`request.parameters`. Then these members are removed, in this order:
{shed}
Then strings are shortened as in JSON. With RFC 3164, `unmapped.epimetheusTrimmed` lists the trimmed fields."""


def classes(table):
    rows = {}
    for name in EXAMPLES:
        found = ocsf_classes.classify("identity", name, None, is_sign_on=name.endswith("Login"), activity=OTHER)
        rows.setdefault((found.event_class.uid, found.activity), []).append(f"`{name}`")
    known = {of.uid: of for of in (AUTHENTICATION, ACCOUNT_CHANGE, GROUP_MANAGEMENT)}
    keys = sorted(rows, key=lambda key: (list(known).index(key[0]), key[1]))
    return table(
        ("class", "activity", "operations, and event IDs of identity domains"),
        [(f"{known[uid].name} ({uid})", f"{number} {known[uid].activities[number]}", ", ".join(rows[uid, number])) for uid, number in keys],
    )


def places(table):
    rows = [(f"`{'.'.join(place)}`", f"`{'.'.join(origin)}`") for origin, place in ocsf.PLACES]
    rows += [(f"`{'.'.join(place)}`", f"`data.{'.'.join(origin)}`, of any type") for origin, place in ocsf.DATA_PLACES.items()]
    rows += [
        ("`time`, `end_time`, `metadata.logged_time`", "`eventTime`, `data.response.responseTime`, `oracle.ingestedtime`, in milliseconds"),
        ("`class_uid`, `activity_id`, `type_uid`, `category_uid`", "see below"),
        ("`activity_name`", "the caption of `activity_id`; for 99, the operation"),
        ("`status_id`, `status`", "1 Success, 2 Failure, 0 Unknown"),
        ("`status_code`", "without a response status, the reason code of an identity domain"),
        ("`status_detail`, `api.response.error`", "why the call failed, as in CEF's `reason`"),
        ("`severity_id`, `severity`", "from the severity, see below"),
        ("`class_name`, `type_name`", "the captions of `class_uid` and `type_uid`"),
        ("`cloud.region`", "the region that the event was read from"),
        ("`cloud.account.type_id`", "12, OCI Compartment"),
        ("`http_request.http_method`", "`data.request.action`, if the schema defines it; PATCH is not defined and stays under `unmapped`"),
        ("`api.response.code`", "`data.response.status`, if it is an HTTP status"),
        ("`api.service.name`", "the service in `eventType`"),
        (
            "`src_endpoint.ip`, `.port`, `.intermediate_ips`, `.name`",
            "`data.identity.ipAddress`: the first address and its port, the other addresses, text that is not an address",
        ),
        ("`observables[]`", "source address, users, group and resource, each with its path in the message"),
        ("`unmapped.data`, `unmapped`", "everything without a mapping, named as in the event"),
        ("`unmapped.epimetheus`", "`compartmentPath`, `tamperWatch`, `replay`, `late`"),
    ]
    return table(("OCSF", "source"), rows)


def members(table):
    resource = "`data.resourceName`, `data.resourceId`"
    return table(
        ("class", "member", "source"),
        [
            (
                "API Activity",
                "`resources[]`",
                f"{resource}; `type` is the second part of the OCID. Without them, the targets in an identity domain's event",
            ),
            ("Authentication", "`user`", "as `actor.user`"),
            ("Authentication", "`service.name`", "the service in `eventType`"),
            ("Authentication", "`auth_protocol_id`, `auth_protocol`", "5, SAML for a sign-on through a federated identity provider"),
            (
                "Account Change",
                "`user`",
                f"the target: the user in `data.additionalDetails`, {resource}, `userId`, or the user in the path",
            ),
            ("Group Management", "`group`, `user`", "the group and, if there is one, the member, from the same fields and `groupId`"),
        ],
    )


def activities(table):
    rows = [
        (str(number), API_ACTIVITY.activities[number], ", ".join(f"`{verb}`" for verb in verbs))
        for number, verbs in sorted(ocsf_classes.ACTIVITIES.items())
    ]
    return table(("activity_id", "activity", "verb in the event's name"), [*rows, (str(OTHER), "Other", "anything else")])


def severities():
    rows = {}
    for number, severity_id in enumerate(ocsf.SEVERITIES):
        rows.setdefault(severity_id, []).append(number)
    spans = {f"{of} {ocsf.SEVERITY_NAMES[of]}": (numbers[0], numbers[-1]) for of, numbers in rows.items()}
    return ", ".join(f"{first} to {last} → {of}" if first < last else f"{first} → {of}" for of, (first, last) in spans.items())


def derived():
    return fill(", ".join(f"`{'.'.join(path)}`" for path in ocsf.DERIVED) + ".", 140)


def ocsf_section(example, sign_on, table, parts_of):
    """Returns the section. ``example`` and ``sign_on``: messages; ``table`` and ``parts_of`` write a table and a list of paths."""
    return TEXT.format(
        version=ocsf.VERSION,
        newest=versions()[-1],
        places=places(table),
        api=API_ACTIVITY.uid,
        classes=classes(table),
        members=members(table),
        activities=activities(table),
        severities=severities(),
        example=example,
        sign_on=sign_on,
        derived=derived(),
        shed=parts_of(ocsf.SHED_ORDER),
    )
