"""Generates realistic audit events: of users, services and functions, sign-ons and failures, with the irregularities of real events.

All values are invented, including the secrets, which are test data for redaction.
"""

import random
import uuid
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]

_BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
_SDK = "Oracle-PythonSDK/2.189.0 (python 3.11.4; x86_64-Linux)"
_PEOPLE = ("alice@example.com", "bob@example.com", "oracleidentitycloudservice/carol@example.com", "dave", "svc-backup")
_ACTIONS = (
    ("ComputeApi", "GetInstance", "GET", "/20160918/instances/", "instance"),
    ("ComputeApi", "LaunchInstance", "POST", "/20160918/instances", "instance"),
    ("ComputeApi", "TerminateInstance", "DELETE", "/20160918/instances/", "instance"),
    ("virtualNetwork", "CreateVcn", "POST", "/20160918/vcns", "vcn"),
    ("virtualNetwork", "UpdateSecurityList", "PUT", "/20160918/securityLists/", "securitylist"),
    ("identityControlPlane", "CreateApiKey", "POST", "/20160918/users/", "apikey"),
    ("identityControlPlane", "UpdatePolicy", "PUT", "/20160918/policies/", "policy"),
    ("ObjectStorage", "DeleteBucket", "DELETE", "/n/axexample/b/", "bucket"),
    ("Audit", "ListEvents", "GET", "/20190901/auditEvents", "auditevent"),
    ("Vaults", "GetSecretBundle", "GET", "/20190301/secretbundles/", "vaultsecret"),
)
_ADDRESSES = ("203.0.113.38", "198.51.100.7", "192.0.2.200", "10.0.64.84,203.0.113.19", "2001:db8::5", "Unknown")
_FAILURES = (("404", "NotAuthorizedOrNotFound"), ("401", "NotAuthenticated"), ("409", "IncorrectState"), ("500", "InternalError"))


class Sampler:
    """Generates the events of one compartment. Equal seeds generate equal events."""

    def __init__(self, tenancy: str, compartment: str, compartment_name: str, seed: str) -> None:
        self._tenancy = tenancy
        self._compartment = compartment
        self._name = compartment_name
        self._random = random.Random(seed)  # noqa: S311 - test data, not keys
        self._kinds = (self._by_key, self._by_key, self._by_console, self._by_federation, self._by_service, self._by_function)

    def event(self, processed: float) -> Json:
        """Returns an event that occurred up to two minutes before its processed time."""
        when = processed - self._random.uniform(0.5, 120)
        if self._random.random() < 0.08:
            return self._sign_on(when)
        identity = self._random.choice(self._kinds)()
        return self._call(when, identity)

    def _call(self, when: float, identity: Json) -> Json:
        service, name, verb, path, kind = self._random.choice(_ACTIONS)
        failure = self._random.choice(_FAILURES) if self._random.random() < 0.1 else None
        resource = None if name == "ListEvents" else f"ocid1.{kind}.oc1.iad.aaaaaaaa{self._hex(52)}"
        request_id = "/".join(self._hex(32).upper() for _ in range(2))
        outcome = f"failed with response '{failure[1]}'" if failure else "succeeded"
        data = {
            "eventGroupingId": request_id.rpartition("/")[0],
            "eventName": name,
            "compartmentId": self._compartment,
            "compartmentName": self._name,
            "resourceName": f"{kind}-{self._random.randrange(100)}" if resource else None,
            "resourceId": resource,
            "availabilityDomain": f"AD{self._random.randrange(1, 4)}",
            "freeformTags": {"owner": "security"} if self._random.random() < 0.2 else None,
            "definedTags": None,
            "identity": identity,
            "request": {
                "id": request_id,
                "path": path + resource if resource and path.endswith("/") else path,
                "action": verb,
                "parameters": {"compartmentId": [self._compartment]} if verb == "GET" else {},
                "headers": self._headers(identity, request_id, when),
            },
            "response": self._response(request_id, when, failure),
            "stateChange": self._state_change(verb),
            "additionalDetails": {"X-Real-Port": self._random.randrange(1024, 65536), "type": "CustomerVmi"},
            "message": f"{name} {outcome}" if resource is None else f"{kind} {name} {outcome}",
        }
        return self._envelope(service, name, when, data)

    def _sign_on(self, when: float) -> Json:
        succeeded = self._random.random() < 0.7
        address = self._random.choice(_ADDRESSES)
        identity = dict.fromkeys(("principalId", "authType", "callerName", "callerId", "credentials", "consoleSessionId"))
        identity |= {
            "principalName": self._random.choice(_PEOPLE),
            "tenantId": self._tenancy,
            "ipAddress": address,
            "userAgent": _BROWSER,
        }
        details = {
            "actorType": "User",
            "clientIp": address,
            "domainDisplayName": "Default",
            "eventId": f"sso.session.create.{'success' if succeeded else 'failure'}",
            "ssoIdentityProvider": "UserNamePassword",
            "ssoMatchedSignOnPolicy": "DefaultSignOnPolicy",
            "ssoSessionId": self._hex(32),
            "ssoPolicyObligations": "effect:ALLOW,authenticationFactor:IDP,allowUserToSkip2FAEnrolment:false,2FAFrequency:SESSION",
        }
        data = {
            "eventGroupingId": None,
            "eventName": "InteractiveLogin",
            "compartmentId": self._compartment,
            "compartmentName": self._name,
            "resourceId": None,
            "availabilityDomain": "AD1",
            "freeformTags": None,
            "definedTags": None,
            "identity": identity,
            "request": {"id": self._hex(17), "path": None, "action": None, "parameters": None, "headers": None},
            "response": {"status": None, "responseTime": _time(when), "headers": None, "payload": None, "message": None},
            "stateChange": {"previous": None, "current": None},
            "additionalDetails": details,
            "message": f" InteractiveLogin {'succeeded' if succeeded else 'failed'}",
        }
        return self._envelope("IdentitySignOn", "InteractiveLogin", when, data)

    def _envelope(self, service: str, name: str, when: float, data: Json) -> Json:
        return {
            "eventType": f"com.oraclecloud.{service}.{name}",
            "cloudEventsVersion": "0.1",
            "eventTypeVersion": "2.0",
            "source": service,
            "eventId": str(uuid.UUID(int=self._random.getrandbits(128), version=4)),
            "eventTime": _time(when),
            "contentType": "application/json",
            "data": data,
        }

    def _identity(self, auth_type: str, name: str | None, principal: str, agent: str, **more: str | None) -> Json:
        identity: Json = {
            "principalName": name,
            "principalId": principal,
            "authType": auth_type,
            "callerName": None,
            "callerId": None,
        }
        identity |= {
            "tenantId": self._tenancy,
            "ipAddress": self._random.choice(_ADDRESSES),
            "credentials": None,
            "userAgent": agent,
        }
        return identity | {"consoleSessionId": None} | more

    def _by_key(self) -> Json:
        user = self._user("user")
        key_id = f"{self._tenancy}/{user}/{':'.join(self._hex(2) for _ in range(16))}"
        return self._identity("natv", self._random.choice(_PEOPLE), user, _SDK, credentials=key_id)

    def _by_console(self) -> Json:
        session = f"csid{self._hex(28)}"
        more = {"consoleSessionId": session, "credentials": self._token()}
        return self._identity("natf", self._random.choice(_PEOPLE), self._user("user"), _BROWSER, **more)

    def _by_federation(self) -> Json:
        session = f"csid{self._hex(28)}"
        return self._identity("fed", "erin@example.com", self._user("saml2idp"), _BROWSER, consoleSessionId=session)

    def _by_service(self) -> Json:
        name, principal = "objectstorage", f"identity-soup/{self._hex(32).upper()}"
        return self._identity("service", name, principal, "Jersey/2.23", callerName=name)

    def _by_function(self) -> Json:
        return self._identity("resource", None, self._user("fnfunc"), _SDK, credentials=self._token())

    def _headers(self, identity: Json, request_id: str, when: float) -> dict[str, list[str]]:
        key_id = identity["credentials"] or self._token()
        signature = (
            f'Signature headers="date (request-target) host",keyId="{key_id}",algorithm="rsa-sha256",signature="*****",version="1"'
        )
        return {
            "Accept": ["application/json"],
            "Authorization": [signature],
            "Date": [_time(when)],
            "User-Agent": [identity["userAgent"]],
            "opc-request-id": [request_id],
        }

    def _response(self, request_id: str, when: float, failure: tuple[str, str] | None) -> Json:
        length = str(self._random.randrange(4000))
        headers = {"Content-Type": ["application/json"], "Content-Length": [length], "opc-request-id": [request_id]}
        status, message = failure or ("200", None)
        return {"status": status, "responseTime": _time(when), "headers": headers, "payload": {}, "message": message}

    def _state_change(self, verb: str) -> Json:
        if verb in ("GET", "DELETE"):
            return {"previous": None, "current": None}
        if self._random.random() < 0.3:
            return {"previous": "previous state", "current": "current state"}
        return {
            "previous": {"lifecycleState": "ACTIVE"},
            "current": {"lifecycleState": "UPDATING", "displayName": "é\u2028√ \t tab"},
        }

    def _user(self, kind: str) -> str:
        # A few principals for all events, because rules and rate limits depend on them.
        return f"ocid1.{kind}.oc1..aaaaaaaa{self._random.randrange(5):052d}"

    def _token(self) -> str:
        return f"ST$eyJraWQiOiJhc3dfb2MxX2ph{self._hex(24)}"

    def _hex(self, digits: int) -> str:
        return f"{self._random.getrandbits(4 * digits):0{digits}x}"


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
