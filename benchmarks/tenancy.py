"""Invents the audit events of a busy tenancy, as ListEvents returns them: with all headers, 2.4 to 3.6 kB each, 2.7 on average.

Events of real tenancies repeat each other: a few principals cause most of them, in sessions, with a few user agents, and the same
operations, compartments, resources and tags come again and again. ``repeats=False`` is the opposite, as an attacker could produce it: each
event has its own principal, address, session, user agent, resource, names and tags.
"""

import random
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from benchmarks.pages import DIGITS, MARK

Json = dict[str, Any]
_MARK = MARK.decode()
_PRINCIPALS, _TAGS, _RESOURCES = 40, 30, 60
_AGENTS = (
    "Oracle-JavaSDK/3.63.2 (Linux/5.10.228-219.884.amzn2.x86_64; Java/21.0.8; OpenJDK 64-Bit Server VM/21.0.8+9-LTS)",
    "Oracle-PythonSDK/2.150.3 (python 3.11.9; x86_64-Linux)",
    "Oracle-GoSDK/65.84.0 (linux/arm64; go/go1.23.0 4493 X:boringcrypto)",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/127.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
    "Oracle-TerraformSDK/65.70.0 (linux/amd64; terraform/1.7.4)",
    "Jersey/2.23 (HttpUrlConnection 11.0.22)",
    "Oracle-PythonCLI/3.44.0",
)
_COMPARTMENTS = ("prod", "network", "security", "shared-services", "dev", "app-a", "app-b", "data", "sandbox", "oke")
_KINDS = {"natv": 10, "natf": 6, "fed": 6, "service": 8, "resource": 8, "instance": 4}
_SERVICES = ("objectstorage", "blockstorage", "oke", "cloudguard", "compute")
_FAILURES = {"404": "NotAuthorizedOrNotFound", "401": "NotAuthenticated", "409": "IncorrectState", "500": "InternalError"}


class _Operation(NamedTuple):
    service: str
    name: str
    verb: str
    path: str
    kind: str | None
    weight: float


_OPERATIONS = (
    _Operation("ComputeApi", "GetInstance", "GET", "/20160918/instances/", "instance", 8),
    _Operation("ComputeApi", "ListVnicAttachments", "GET", "/20160918/vnicAttachments", None, 6),
    _Operation("ComputeApi", "ListInstances", "GET", "/20160918/instances", None, 6),
    _Operation("virtualNetwork", "GetVnic", "GET", "/20160918/vnics/", "vnic", 7),
    _Operation("virtualNetwork", "UpdateVnic", "PUT", "/20160918/vnics/", "vnic", 1),
    _Operation("BlockVolumes", "ListVolumes", "GET", "/20160918/volumes", None, 4),
    _Operation("Audit", "ListEvents", "GET", "/20190901/auditEvents", None, 4),
    _Operation("identityControlPlane", "ListCompartments", "GET", "/20160918/compartments", None, 3),
    _Operation("identityControlPlane", "GetUser", "GET", "/20160918/users/", "user", 2),
    _Operation("monitoring", "SummarizeMetricsData", "POST", "/20180401/metrics/actions/summarizeMetricsData", None, 6),
    _Operation("ObjectStorage", "HeadBucket", "HEAD", "/n/axexample/b/logs-archive", None, 3),
    _Operation("ObjectStorage", "CreateMultipartUpload", "POST", "/n/axexample/b/logs-archive/u", None, 2),
    _Operation("Vaults", "GetSecretBundle", "GET", "/20190301/secretbundles/", "vaultsecret", 2),
    _Operation("ContainerEngine", "GetCluster", "GET", "/20180222/clusters/", "cluster", 2),
    _Operation("DatabaseService", "UpdateDbSystem", "PUT", "/20160918/dbSystems/", "dbsystem", 0.3),
    _Operation("CloudGuard", "ListProblems", "GET", "/20200131/problems", None, 2),
    _Operation("logging", "PutLogs", "POST", "/20200831/logs/", "log", 2),
    _Operation("dns", "GetZone", "GET", "/20180115/zones/", "dnszone", 1),
)


@dataclass
class _Principal:
    """Who calls: its identity without the session, its addresses, and the calls that are left in its session."""

    kind: str
    name: str | None
    ocid: str
    key: str
    agent: str
    addresses: list[str]
    session: str = ""
    token: str = ""
    left: int = 0


class Tenancy:
    """Generates events. Each contains `MARK` where the stand-in API inserts the number of the event, which makes it unique."""

    def __init__(self, ocid: str, *, repeats: bool = True) -> None:
        self._ocid, self._repeats = ocid, repeats
        self._random = random.Random(7)
        self._compartments = [(self._ocid_of("compartment", region=""), name) for name in _COMPARTMENTS]
        self._principals = [self._principal(number) for number in range(_PRINCIPALS)]
        self._tags = [self._new_tags(number) for number in range(_TAGS)]
        kinds = sorted({operation.kind for operation in _OPERATIONS if operation.kind})
        self._resources = {kind: [self._ocid_of(kind) for _ in range(_RESOURCES)] for kind in kinds}

    def event(self, at: float, page: int) -> Json:
        """An event at this time, in seconds since the epoch. The events of a ``page`` are in one compartment."""
        operation = self._weighted(_OPERATIONS, [one.weight for one in _OPERATIONS])
        return {
            "eventType": f"com.oraclecloud.{operation.service}.{operation.name}",
            "cloudEventsVersion": "0.1",
            "eventTypeVersion": "2.0",
            "source": operation.service,
            "eventId": str(uuid.UUID(int=self._random.getrandbits(128), version=4))[:-DIGITS] + _MARK,
            "eventTime": _iso(at),
            "contentType": "application/json",
            "data": self._data(at, operation, page),
        }

    def _data(self, at: float, operation: _Operation, page: int) -> Json:
        principal = self._caller()
        address = self._random.choice(principal.addresses) if self._repeats else self._address()
        compartment, name = self._compartments[page % len(self._compartments)]
        resource = self._random.choice(self._resources[operation.kind]) if operation.kind else None
        resource = self._ocid_of(operation.kind) if operation.kind and not self._repeats else resource
        code = self._random.choice(list(_FAILURES)) if self._random.random() < 0.05 else None
        message = f"{operation.name} failed with response '{_FAILURES[code]}'" if code else f"{operation.name} succeeded"
        ids = [self._hex(32 - DIGITS).upper() + _MARK for _ in range(3)]
        return {
            "eventGroupingId": "/".join(ids),
            "eventName": operation.name,
            "compartmentId": compartment,
            "compartmentName": name + self._own("-"),
            "resourceName": f"{operation.kind}-{self._random.randrange(_RESOURCES)}{self._own('-')}" if operation.kind else None,
            "resourceId": resource,
            "availabilityDomain": f"AD{self._random.randrange(1, 4)}",
            "freeformTags": {"owner": f"team{self._random.randrange(6)}{self._own('-')}"} if self._of(operation.kind, 0.4) else None,
            "definedTags": self._some_tags() if self._of(operation.kind, 0.5) else None,
            "identity": self._identity(principal, address),
            "request": self._request(at, operation, principal, compartment, resource, ids),
            "response": self._response(at, ids, code, message),
            "stateChange": self._state_change(at, operation),
            "additionalDetails": {"X-Real-Port": self._random.randrange(1024, 65536)},
            "message": message,
        }

    def _identity(self, principal: _Principal, address: str) -> Json:
        credentials = {"natv": principal.key, "service": None}.get(principal.kind, principal.token)
        return {
            "principalName": principal.name,
            "principalId": principal.ocid,
            "authType": principal.kind,
            "callerName": None,
            "callerId": None,
            "tenantId": self._ocid,
            "ipAddress": address,
            "credentials": credentials,
            "userAgent": principal.agent,
            "consoleSessionId": principal.session if principal.kind in ("natf", "fed") else None,
        }

    def _request(
        self, at: float, operation: _Operation, principal: _Principal, compartment: str, resource: str | None, ids: list[str]
    ) -> Json:
        signed = f'headers="date (request-target) host",keyId="{principal.key}",algorithm="rsa-sha256",signature="*****",version="1"'
        headers = {
            "Accept": ["application/json"],
            "Accept-Encoding": ["gzip, deflate"],
            "Authorization": [f"Signature {signed}"],
            "Connection": ["keep-alive"],
            "Date": [_http_date(at)],
            "User-Agent": [principal.agent],
            "opc-client-info": [principal.agent.split(" ")[0]],
            "opc-request-id": [ids[0]],
        }
        if principal.agent.startswith("Mozilla"):
            headers |= {"Referer": ["https://cloud.oracle.com/compute"], "Accept-Language": ["en-US"]}
        parameters = {} if resource else {"compartmentId": [compartment]}
        if operation.name.startswith("List"):
            parameters |= {"page": [f"AP37-f_9__7--fX89fXpjP_{self._hex(24)}"], "limit": ["1000"]}
        path = operation.path + (resource or "") if operation.path.endswith("/") else operation.path
        return {"id": "/".join(ids), "path": path, "action": operation.verb, "parameters": parameters, "headers": headers}

    def _response(self, at: float, ids: list[str], code: str | None, message: str) -> Json:
        headers = {
            "Content-Type": ["application/json"],
            "Date": [_http_date(at)],
            "Content-Length": [str(self._random.randrange(90, 9000))],
            "Strict-Transport-Security": ["max-age=31536000; includeSubDomains;"],
            "X-Content-Type-Options": ["nosniff"],
            "opc-request-id": ["/".join(ids)],
        }
        payload = {"code": _FAILURES[code], "message": message} if code and self._random.random() < 0.3 else {}
        failure = message if code else None
        return {"status": code or "200", "responseTime": _iso(at + 0.05), "headers": headers, "payload": payload, "message": failure}

    def _state_change(self, at: float, operation: _Operation) -> Json:
        if operation.verb != "PUT":
            return {"previous": None, "current": None}
        name = f"{operation.kind}-{self._random.randrange(_RESOURCES)}"
        previous = {"lifecycleState": "ACTIVE", "displayName": name, "definedTags": self._some_tags()}
        return {"previous": previous, "current": {**previous, "lifecycleState": "UPDATING", "timeUpdated": _iso(at)}}

    def _caller(self) -> _Principal:
        if not self._repeats:
            principal = self._principal(self._random.randrange(_PRINCIPALS))
        else:
            principal = self._weighted(self._principals, [1 / (rank + 1) for rank in range(_PRINCIPALS)])
        if not principal.left:
            principal.session, principal.left = f"csid{self._id(28)}", self._random.randrange(30, 300)
            principal.token = f"ST$eyJraWQiOiJhc3dfb2MxX2ph{self._id(24)}"
        principal.left -= 1
        return principal

    def _principal(self, number: int) -> _Principal:
        kind, own = self._weighted(list(_KINDS), list(_KINDS.values())), self._own(".")
        user = f"user{number}{own}@example.com"
        name = {"natv": f"svc-tool{number}{own}", "natf": user, "fed": f"oracleidentitycloudservice/{user}"}.get(kind)
        ocid = self._ocid_of({"fed": "saml2idp", "resource": "fnfunc", "instance": "instance"}.get(kind, "user"))
        if kind == "service":
            name, ocid = self._random.choice(_SERVICES), f"identity-soup/{self._id(32).upper()}"
        key = f"{self._ocid}/{ocid}/{':'.join(self._hex(2) for _ in range(16))}"
        addresses = [self._address() for _ in range(self._random.choice((1, 1, 1, 2, 3)))]
        return _Principal(kind, name, ocid, key, self._random.choice(_AGENTS) + self._own(" "), addresses)

    def _some_tags(self) -> Json:
        return self._random.choice(self._tags) if self._repeats else self._new_tags(self._random.randrange(_TAGS))

    def _new_tags(self, number: int) -> Json:
        user, on = f"user{number}{self._own('.')}@example.com", f"2023-0{number % 9 + 1}-11T10:41:06.042Z"
        created = {"CreatedBy": f"oracleidentitycloudservice/{user}", "CreatedOn": on}
        return {"Oracle-Tags": created, "Cost": {"Center": f"{4000 + number}{self._own('-')}", "Env": self._random.choice(("prod", "dev"))}}

    def _ocid_of(self, kind: str | None, region: str = "iad") -> str:
        return f"ocid1.{kind}.oc1.{region}.aaaaaaaa{self._id(52)}"

    def _id(self, digits: int) -> str:
        """Random digits; where nothing repeats, unique in each event."""
        return self._hex(digits) if self._repeats else self._hex(digits - DIGITS) + _MARK

    def _own(self, separator: str) -> str:
        """Nothing; where nothing repeats, a suffix that is unique in each event."""
        return "" if self._repeats else separator + _MARK

    def _of(self, kind: str | None, share: float) -> bool:
        return kind is not None and self._random.random() < share

    def _hex(self, digits: int) -> str:
        return f"{self._random.getrandbits(4 * digits):0{digits}x}"

    def _address(self) -> str:
        return ".".join(str(self._random.randrange(1, 255)) for _ in range(4))

    def _weighted(self, values: Any, weights: list[float]) -> Any:
        return self._random.choices(values, weights)[0]


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _http_date(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
