"""The OCSF class and activity of an event: sign-ons, changes of users and changes of groups have classes of their own.

Sources: https://schema.ocsf.io/1.4.0/classes/authentication, account_change, group_management and api_activity; every class and activity
here means the same in later versions. Event IDs of identity domains: "Using the Audit Event APIs" in the documentation of OCI IAM.
"""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from epimetheus.render.operation_words import MAX_LENGTH, parse_operation
from epimetheus.render.severity_table import LOW, VERBS

OTHER = 99


class EventClass(NamedTuple):
    """A class of the schema: its ids and its name, its category, and its activities with their captions."""

    uid: int
    name: str
    category_uid: int
    activities: Mapping[int, str]


class Classification(NamedTuple):
    """The class of an event, and its activity in this class. ``is_self_service``: users change their own account."""

    event_class: EventClass
    activity: int
    is_self_service: bool = False


CREATE, READ, UPDATE, DELETE = 1, 2, 3, 4
API_ACTIVITY = EventClass(
    6003, "API Activity", 6, MappingProxyType({CREATE: "Create", READ: "Read", UPDATE: "Update", DELETE: "Delete", OTHER: "Other"})
)
LOGON, LOGOFF, PREAUTH = 1, 2, 6
AUTHENTICATION = EventClass(
    3002, "Authentication", 3, MappingProxyType({LOGON: "Logon", LOGOFF: "Logoff", PREAUTH: "Preauth", OTHER: "Other"})
)
USER_CREATE, USER_ENABLE, PASSWORD_CHANGE, PASSWORD_RESET, USER_DISABLE, USER_DELETE, LOCK, MFA_ENABLE, MFA_DISABLE, UNLOCK = (
    1, 2, 3, 4, 5, 6, 9, 10, 11, 12,
)  # fmt: skip
ACCOUNT_CHANGE = EventClass(3001, "Account Change", 3, MappingProxyType({
    USER_CREATE: "Create", USER_ENABLE: "Enable", PASSWORD_CHANGE: "Password Change", PASSWORD_RESET: "Password Reset",
    USER_DISABLE: "Disable", USER_DELETE: "Delete", LOCK: "Lock", MFA_ENABLE: "MFA Factor Enable", MFA_DISABLE: "MFA Factor Disable",
    UNLOCK: "Unlock", OTHER: "Other",
}))  # fmt: skip
ADD_USER, REMOVE_USER, GROUP_DELETE, GROUP_CREATE = 3, 4, 5, 6
GROUP_MANAGEMENT = EventClass(3006, "Group Management", 3, MappingProxyType({
    ADD_USER: "Add User", REMOVE_USER: "Remove User", GROUP_DELETE: "Delete", GROUP_CREATE: "Create", OTHER: "Other",
}))  # fmt: skip

_FACTOR = r"mfa|factor|totp|fido"
_USER = r"user|\.me\.|account|(?:create|patch|put|update)me$"
_NOT_A_PERSON = (
    r"polic|setting|template|grant|credential|secret|token|swift|role|attribute|schema|request|report|useragent|apikey|mapping|supportaccount"
)

IDENTITY_RULES: Sequence[tuple[EventClass, int, str, str]] = (
    (API_ACTIVITY, OTHER, _NOT_A_PERSON, ""),
    (AUTHENTICATION, PREAUTH, r"^sso\.auth\.factor|^authfactor", r"^(?!.*(?:reset|enrol|delet|remov|disabl|revok))"),
    (AUTHENTICATION, LOGOFF, r"^sso\.session", r"delet|expir|terminat|end"),
    (AUTHENTICATION, LOGOFF, r"(?:log|sign)-?(?:off|out)", ""),
    (AUTHENTICATION, OTHER, r"^sso\.session", r"modif|updat"),
    (AUTHENTICATION, LOGON, r"^(?:sso|admin)\.(?:session|authentication|app\.access)(?![a-z])", ""),
    (AUTHENTICATION, LOGON, r"saml", r"log-?[io]n|sign-?[io]n|assert"),
    (ACCOUNT_CHANGE, OTHER, r"bypass", ""),
    (ACCOUNT_CHANGE, OTHER, _FACTOR, r"initiat|validat"),
    (ACCOUNT_CHANGE, MFA_DISABLE, _FACTOR, r"disabl|deactivat|delet|remov|reset|unenrol|revok"),
    (ACCOUNT_CHANGE, MFA_ENABLE, _FACTOR, r"enabl|activat|enrol|creat|add|regist"),
    (ACCOUNT_CHANGE, OTHER, _FACTOR, ""),
    (ACCOUNT_CHANGE, PASSWORD_RESET, r"password", r"reset|forgot|creat"),
    (ACCOUNT_CHANGE, PASSWORD_CHANGE, r"password", ""),
    (ACCOUNT_CHANGE, UNLOCK, _USER, r"unlock|unblock|userstate"),
    (ACCOUNT_CHANGE, LOCK, _USER, r"lock|block"),
    (GROUP_MANAGEMENT, REMOVE_USER, r"group", r"remov|delet.*(?:member|user)|member.*delet"),
    (GROUP_MANAGEMENT, ADD_USER, r"group", r"add|creat.*member|member.*creat"),
    (GROUP_MANAGEMENT, GROUP_DELETE, r"group", r"delet"),
    (GROUP_MANAGEMENT, GROUP_CREATE, r"group", r"creat"),
    (GROUP_MANAGEMENT, OTHER, r"group", ""),
    (ACCOUNT_CHANGE, USER_DELETE, _USER, r"delet|remov|purg"),
    (ACCOUNT_CHANGE, USER_DISABLE, _USER, r"deactivat|disabl|suspend"),
    (ACCOUNT_CHANGE, USER_ENABLE, _USER, r"activat|enabl"),
    (ACCOUNT_CHANGE, USER_CREATE, _USER, r"creat|register"),
    (ACCOUNT_CHANGE, OTHER, _USER, r"updat|patch|put|modif|replac|chang"),
)  # fmt: skip
"""Class, activity, what an identity event is about, and what happened: expressions searched for in a lower-case event ID or event name.

The first row that matches both decides. Policies, settings and credentials other than passwords remain API Activity.
"""

ACTIVITIES: Mapping[int, Sequence[str]] = MappingProxyType({
    DELETE: (
        "Delete", "Deletion", "Terminate", "Termination", "Remove", "Removal", "Purge", "Destroy", "Drop", "Erase", "Shred", "Truncate",
        "Wipe", "Deregister", "Unregister", "Decommission", "Evict",
    ),
    CREATE: (
        "Create", "Launch", "Add", "Copy", "Clone", "Import", "Upload", "Register", "Generate", "Put", "Provision", "Append", "Ingest",
        "Insert", "Recreate", "Snapshot", "Backup",
    ),
    UPDATE: (
        "Update", "Change", "Modify", "Patch", "Set", "Unset", "Reset", "Move", "Rename", "Replace", "Rotate", "Restore", "Resize",
        "Scale", "Upgrade", "Downgrade", "Enable", "Disable", "Activate", "Deactivate", "Attach", "Detach", "Associate", "Disassociate",
        "Assign", "Unassign", "Grant", "Revoke", "Start", "Stop", "Restart", "Reboot", "Softreset", "Softstop", "Suspend", "Resume",
        "Pause", "Configure", "Reconfigure", "Install", "Uninstall", "Lock", "Unlock", "Block", "Unblock", "Merge", "Migrate", "Edit",
        "Onboard", "Offboard", "Recover", "Failover", "Switchover", "Promote", "Apply", "Link", "Unlink", "Mount", "Unmount", "Cancel",
        "Shutdown", "Overwrite", "Override", "Upsert", "Convert", "Expire", "Renew", "Subscribe", "Unsubscribe", "Publish", "Unpublish",
        "Deploy", "Undeploy", "Isolate", "Quarantine", "Archive", "Unarchive", "Schedule", "Clear", "Toggle", "Withdraw", "Retire",
        "Invalidate", "Synchronize", "Sync", "Expand", "Extend", "Shrink", "Reinstate", "Reactivate", "Transfer",
    ),
    READ: VERBS[LOW],
})  # fmt: skip
"""Activity → verbs (see `operation_words`). Of several verbs in a name, the first row that has one decides; other verbs are 99, other."""
_ACTIVITY_OF = {verb.lower(): activity for activity, verbs in ACTIVITIES.items() for verb in verbs}
_RANK = list(ACTIVITIES)

_RULES = [
    (Classification(event_class, activity), re.compile(about), re.compile(action))
    for event_class, activity, about, action in IDENTITY_RULES
]
_OUTCOME = re.compile(r"\.(?:success|succeeded|failure|failed)$")
_DOMAIN_EVENTS = ("admin.", "sso.")
_SELF_SERVICE = re.compile(r"\.me\.|(?<![A-Z])(?:My|Me)(?![a-z])")


def api_activity(operation: str) -> int:
    """What the call does, by the verbs in its name."""
    found = [_ACTIVITY_OF[verb] for verb in parse_operation(operation).verbs if verb in _ACTIVITY_OF]
    return min(found, key=_RANK.index, default=OTHER)


def classify_identity_event(subject: str) -> Classification | None:
    """The class of an event of the identity services, from the event ID of its identity domain, or from its event name."""
    lower = _OUTCOME.sub("", subject[:MAX_LENGTH].lower())
    found = next((found for found, about, action in _RULES if about.search(lower) and action.search(lower)), None)
    return found and found._replace(is_self_service=_SELF_SERVICE.search(subject[:MAX_LENGTH]) is not None)


def classify(event_type: str, operation: str, domain_event: str | None, *, is_sign_on: bool, activity: int) -> Classification:
    """The class of an event. ``activity`` is what the call does by its name: the one in API Activity."""
    api = Classification(API_ACTIVITY, activity)
    if "identity" in event_type.lower() or (domain_event and domain_event.lower().startswith(_DOMAIN_EVENTS)):
        for subject in (domain_event, operation):
            if subject and (found := classify_identity_event(subject)):
                return api if found.event_class is API_ACTIVITY or (subject is operation and activity == READ) else found
    return Classification(AUTHENTICATION, LOGON) if is_sign_on and activity != READ else api
