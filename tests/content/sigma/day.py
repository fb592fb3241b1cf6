"""A day of ordinary events in one tenancy: people at the console, a build server, applications, services, the forwarder's own notices.

Nothing in it is an attack, so no rule may fire. It does contain what resembles one: mistyped passwords, refused and missing resources,
deletions of a build, changes of private buckets and of the network, new members of ordinary groups.
"""

import json
import random
from pathlib import Path

import msgspec

from epimetheus.ledger.seal import SealPosition, digest, pack
from epimetheus.model import HourlyCount, minute_text
from epimetheus.run.notice_event import NoticeSource
from epimetheus.run.notices import own_polling_notices
from epimetheus.run.seal_notice import seal_notice
from epimetheus.select.rate_limits import OWN
from tests.content.sigma.events import DAY, TENANCY, call, domain, sign_on
from tests.ledger.samples import SEAL

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
PEOPLE = tuple(f"user{number:02d}@example.com" for number in range(40))
SOURCE = NoticeSource("20261125T000000Z-1a2b", "us-ashburn-1", TENANCY, DAY)
_READS = (
    "ListInstances", "GetInstance", "ListBuckets", "GetBucket", "ListVcns", "GetSubnet", "ListPolicies", "ListUsers", "GetUser",
    "SummarizeMetricsData", "ListAlarms", "ListCompartments", "GetLog", "ListSecurityLists", "ListKeys", "GetVault", "SearchResources",
)  # fmt: skip
_CHANGES = (
    ("LaunchInstance", "ComputeApi"), ("TerminateInstance", "ComputeApi"), ("UpdateInstance", "ComputeApi"),
    ("InstanceAction", "ComputeApi"), ("CreateVolume", "BlockVolume"), ("DeleteVolume", "BlockVolume"), ("CreateVcn", "virtualNetwork"),
    ("UpdateSubnet", "virtualNetwork"), ("UpdateAutonomousDatabase", "Database"), ("CreateAlarm", "Monitoring"),
    ("UpdateLoadBalancer", "LoadBalancer"),
)  # fmt: skip


def events():
    """The audit events of the day. The same on every call."""
    some = random.Random(20261125)
    found = [json.loads(path.read_text("utf-8")) for path in sorted(SAMPLES.glob("*.json"))]
    for number, user in enumerate(PEOPLE):
        found += _person(some, user, f"203.0.113.{number + 1}")
    return found + _build_server(some) + _applications() + _services(some) + _network_and_groups()


def sealed(since, through, behind):
    """The message of the seal of a run that read these minutes."""
    position = SealPosition(before=minute_text(since), after=minute_text(through))
    seal = msgspec.structs.replace(SEAL, position=position, behind=behind)
    return seal_notice(SOURCE, seal, digest(pack(seal)))


def notices():
    """The forwarder's notices: every run read all compartments, and its own polling was filtered."""
    counts = {(f"{OWN}ListEvents from 192.0.2.9", 60 * number): HourlyCount(suppressed=96, first=0, last=1) for number in range(24)}
    runs = [sealed(1000 + 15 * number, 1015 + 15 * number, 0) for number in range(96)]
    return [*runs, *own_polling_notices(SOURCE, counts)]


def _person(some, user, address):
    """Signs on in the morning, some after one or two mistakes, then mostly reads."""
    start = some.uniform(7.5, 10) * 3600
    found = [sign_on(user, succeeded=False, at=start - 60 + 20 * number, address=address) for number in range(some.choice((0, 0, 0, 1, 2)))]
    found.append(sign_on(user, succeeded=True, at=start, address=address))
    found.append(domain("sso.auth.factor.success", "AuthFactorSuccess", start + 5, user=user, address=address))
    for _ in range(some.randrange(20, 45)):
        at = start + some.uniform(60, 8 * 3600)
        if some.random() < 0.92:
            status = some.choices((200, 404), (97, 3))[0]
            found.append(call(some.choice(_READS), at, user=user, address=address, status=status, verb="GET"))
        else:
            name, service = some.choice(_CHANGES)
            found.append(call(name, at, service=service, user=user, address=address, resource="app-1", status=some.choice((200, 200, 409))))
    found.append(domain("sso.session.delete.success", "SsoSessionDelete", start + 9 * 3600, user=user, address=address))
    return found


def _build_server(some):
    """Creates and deletes a test environment each hour, and asks for things that do not exist yet."""
    found = []
    server = {"service": "ComputeApi", "user": "svc-build", "address": "203.0.113.200"}
    for hour in range(24):
        start = hour * 3600 + some.uniform(0, 600)
        names = ["GetInstance"] * 12 + ["LaunchInstance"] * 4 + ["ListImages"] * 6 + ["TerminateInstance"] * 4 + ["DeleteVolume"] * 4
        for number, name in enumerate(names):
            status = 404 if name == "GetInstance" and number % 3 == 0 else 200
            found.append(call(name, start + 20 * number, status=status, resource=f"ci-{number}", **server))
    return found


def _applications():
    """Each reads its own few secrets every hour."""
    return [
        call(
            "GetSecretBundle", hour * 3600 + app, service="Vaults", user=f"app{app}", address="203.0.113.210", verb="GET",
            principal=f"ocid1.instance.oc1.iad.app{app}", resource=f"ocid1.vaultsecret.oc1.iad.app{app}secret{secret}",
        )
        for hour in range(24) for app in range(5) for secret in range(3)
    ]  # fmt: skip


def _services(some):
    """Calls of OCI services and of functions, which have no name."""
    found = []
    for number in range(600):
        name = some.choice(("PutObject", "HeadObject", "PostMetricData", "Decrypt", "GetInstance", "ListObjects"))
        user, principal = some.choice((("objectstorage", "identity-soup/00FF"), (None, "ocid1.fnfunc.oc1.iad.application")))
        found.append(call(name, 144 * number, user=user, principal=principal, address="10.0.0.7", agent="Jersey/2.23"))
    return found


def _network_and_groups():
    """Administrators at work, without anything that widens access."""
    admin = {"user": "admin@example.com", "address": "203.0.113.250"}
    private = {"publicAccessType": "NoPublicAccess", "bucketName": "reports"}
    inside = {"ingressSecurityRules": [{"source": "10.0.0.0/16", "protocol": "6"}]}
    return [
        call("CreateBucket", 36_000, service="ObjectStorage", resource="reports", details=private, **admin),
        call("UpdateBucket", 36_100, service="ObjectStorage", resource="reports", details=private, **admin),
        call("UpdateSecurityList", 36_200, service="virtualNetwork", resource="private", state=inside, **admin),
        call("UpdateDnsConfiguration", 36_300, service="Dns", **admin),
        call("CancelKeyDeletion", 36_400, service="KeyManagementService", resource="old-key", **admin),
        call("DeletePreauthenticatedRequest", 36_500, service="ObjectStorage", **admin),
        call("DeleteApiKey", 36_600, service="identityControlPlane", **admin),
        domain("admin.group.add.member.success", "AddGroupMember", 36_700, target="Developers", second_target=PEOPLE[3], **admin),
        domain("admin.user.create.success", "CreateUser", 36_800, target="new@example.com", **admin),
    ]
