"""Builders of audit events, in the form that the Audit API returns, for the cases of the rules and for the ordinary day.

A builder takes the time as seconds since the start of DAY. The fields that identity domains leave empty are null, as in their events.
"""

import json
import uuid
from datetime import UTC, datetime

DAY = datetime(2026, 11, 25, tzinfo=UTC).timestamp()
TENANCY = "ocid1.tenancy.oc1..exampletenancy"
COMPARTMENT = "ocid1.compartment.oc1..exampleprod"
ATTACKER, ATTACKER_ADDRESS = "mallory@example.com", "198.51.100.77"
_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
_CODES = {401: "NotAuthenticated", 403: "NotAllowed", 404: "NotAuthorizedOrNotFound", 409: "IncorrectState"}


def call(
    name, at=43_200, *, service="things", user=ATTACKER, address=ATTACKER_ADDRESS, status=200, resource=None, principal=None,
    details=None, state=None, agent=_AGENT, verb="POST",
):  # fmt: skip
    """A call of an API. ``resource``: its name or, if it starts with ocid1, its OCID. ``state``: ``data.stateChange.current``."""
    is_ocid = str(resource).startswith("ocid1.")
    return _event(f"com.oraclecloud.{service}.{name}", at, {
        "eventName": name,
        "compartmentId": COMPARTMENT,
        "compartmentName": "prod",
        "resourceName": None if is_ocid else resource,
        "resourceId": resource if is_ocid else None,
        "identity": {
            "principalName": user, "principalId": principal or f"ocid1.user.oc1..{(user or 'none').partition('@')[0]}", "authType": "natv",
            "tenantId": TENANCY, "ipAddress": address, "userAgent": agent,
        },
        "request": {"id": _id("request", name, at, user), "path": f"/20160918/{name}", "action": verb, "parameters": {}, "headers": {}},
        "response": {"status": str(status), "responseTime": _time(at + 0.2), "message": None, "payload": {}},
        "stateChange": {"previous": None, "current": state},
        "additionalDetails": details,
        "message": f"{name} succeeded" if status < 400 else f"{name} failed with response '{_CODES[status]}'",
    })  # fmt: skip


def sign_on(user, *, succeeded, at=43_200, address=ATTACKER_ADDRESS, name="InteractiveLogin"):
    """A sign-on through an identity domain: no status, the outcome is in the message and in the event ID."""
    result = "success" if succeeded else "failure"
    event = domain(f"sso.session.create.{result}" if succeeded else f"sso.authentication.{result}", name, at, user=user, address=address)
    event["eventType"] = f"com.oraclecloud.IdentitySignOn.{name}"
    event["data"]["identity"] |= {"principalName": user, "ipAddress": address}
    event["data"]["message"] = f" {name} {'succeeded' if succeeded else 'failed'}"
    return event


def domain(event_id, name, at=43_200, *, user=ATTACKER, address=ATTACKER_ADDRESS, target=None, second_target=None):
    """An event of an identity domain, which leaves identity and response empty."""
    empty = dict.fromkeys(("principalName", "principalId", "authType", "callerName", "ipAddress", "userAgent"))
    return _event(f"com.oraclecloud.IdentityDomains.{name}", at, {
        "eventName": name,
        "compartmentId": TENANCY,
        "compartmentName": "root",
        "identity": {**empty, "tenantId": TENANCY},
        "request": dict.fromkeys(("id", "path", "action", "parameters", "headers")),
        "response": {**dict.fromkeys(("status", "message", "payload")), "responseTime": _time(at)},
        "stateChange": {"previous": None, "current": None},
        "additionalDetails": {
            "eventId": event_id, "actorName": user, "actorOcid": f"ocid1.user.oc1..{user}", "actorType": "User", "clientIp": address,
            "ssoUserAgent": _AGENT,
            "domainDisplayName": "Default", "adminResourceName": target, "adminRefResourceName": second_target,
        },
    })  # fmt: skip


def state(statement):
    return {"statements": [statement], "description": "for the team"}


def ingress(source):
    return {"ingressSecurityRules": [{"protocol": "6", "source": "10.0.0.0/8"}, {"protocol": "6", "source": source}]}


def failures(user, number, at=43_200, step=30, address="198.51.100.80", name="InteractiveLogin"):
    return [sign_on(user, succeeded=False, at=at + step * index, address=address, name=name) for index in range(number)]


def successes(user, number):
    return [sign_on(user, succeeded=True, at=43_200 + 30 * index, address="198.51.100.81") for index in range(number)]


def deletions(user, number, step=10, status=200, name="DeleteVolume"):
    return [call(name, 43_200 + step * index, user=user, resource=f"volume-{index}", status=status) for index in range(number)]


def denied(user, number, status=404, step=10):
    return [call(f"GetThing{index}", 43_200 + step * index, user=user, status=status, verb="GET") for index in range(number)]


def secrets(user, number, reads=1, name="GetSecretBundle", step=1, status=200):
    reader = {"service": "Vaults", "user": user, "verb": "GET", "status": status}
    return [
        call(name, 43_200 + step * index, resource=f"ocid1.vaultsecret.oc1.iad.{user}{index % number}", **reader)
        for index in range(number * reads)
    ]


def public(access):
    return {"publicAccessType": access, "bucketName": "public"}


def _event(event_type, at, data):
    return {
        "eventType": event_type,
        "cloudEventsVersion": "0.1",
        "eventTypeVersion": "2.0",
        "source": event_type.split(".")[2],
        "eventId": _id(event_type, at, json.dumps(data["identity"])),
        "eventTime": _time(at),
        "contentType": "application/json",
        "data": data,
    }


def _id(*parts):
    return str(uuid.uuid5(uuid.NAMESPACE_OID, "/".join(map(str, parts))))


def _time(at):
    return datetime.fromtimestamp(DAY + at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
