"""Events for each rule: those on which it fires, and near misses, on which it does not.

A rule that counts has its own user or address in each case, so that cases do not add up.
"""

from typing import NamedTuple

from epimetheus.model import HourlyCount
from epimetheus.run.notices import probe_notice, rate_limited_notices
from tests.content.sigma.day import SOURCE, sealed
from tests.content.sigma.events import call, deletions, denied, domain, failures, ingress, public, secrets, sign_on, state, successes
from tests.content.sigma.messages import WATCHED


class Case(NamedTuple):
    """``fires`` and ``misses``: name → events, or notices."""

    fires: dict[str, list]
    misses: dict[str, list]


LIMITED = HourlyCount(suppressed=9, first=0, last=1)
DELETIONS = ("Terminate", "BatchDelete", "BulkDelete", "CascadeDelete")
BUCKET, IDENTITY, NETWORK, KEYS = (
    {"service": name} for name in ("ObjectStorage", "identityControlPlane", "virtualNetwork", "KeyManagementService")
)

CASES = {
    "OCI Resource of the Audit Forwarder Changed": Case(
        {
            "function updated": [call("UpdateFunction", service="FunctionsControlPlane", resource=WATCHED)],
            "refused attempt": [call("DeleteFunction", service="FunctionsControlPlane", resource=WATCHED, status=404)],
        },
        {
            **{
                f"{verb} only": [call(f"{verb}Thing", service="FunctionsControlPlane", resource=WATCHED, verb="GET")]
                for verb in ("Head", "List", "Summarize")
            },
            "function read": [call("GetFunction", service="FunctionsControlPlane", resource=WATCHED, verb="GET")],
            "another function": [call("UpdateFunction", service="FunctionsControlPlane", resource="ocid1.fnfunc.oc1.iad.another")],
        },
    ),
    "OCI Audit Events Suppressed by the Forwarder's Rate Limit": Case(
        {"notice": rate_limited_notices(SOURCE, {("com.oraclecloud.ComputeApi.GetInstance", 60): LIMITED})},
        {"a call of that name": [call("HeldBack")], "the test message": [probe_notice(SOURCE)]},
    ),
    "OCI Audit Forwarder Cannot Read Some Compartments": Case(
        {
            "one behind": [sealed(1, 2, 1)],
            "two behind": [sealed(1, 2, 2)],
            "ten behind": [sealed(1, 2, 10)],
        },
        {"none behind": [sealed(1, 2, 0)]},
    ),
    "OCI Audit Log Read by a Function From an Unknown Address": Case(
        {"function": [call("ListEvents", service="Audit", user=None, principal="ocid1.fnfunc.oc1.iad.exampleforwarder", verb="GET")]},
        {
            "a person": [call("ListEvents", service="Audit", verb="GET")],
            "another call": [call("ListAlarms", user=None, principal="ocid1.fnfunc.oc1.iad.application", verb="GET")],
        },
    ),
    "OCI API Key or Token Created": Case(
        {
            "API key": [call("UploadApiKey", **IDENTITY)],
            "auth token": [call("CreateAuthToken", **IDENTITY)],
            "own key in a domain": [call("CreateMyApiKey", service="IdentityDomains", status=201)],
        },
        {
            "refused": [call("UploadApiKey", status=404, **IDENTITY)],
            "deleted": [call("DeleteApiKey", **IDENTITY)],
            "listed": [call("ListApiKeys", verb="GET", **IDENTITY)],
        },
    ),
    "OCI Policy Grants Administration": Case(
        {
            "all resources": [call("CreatePolicy", state=state("Allow group Evil to manage all-resources in tenancy"), **IDENTITY)],
            **{
                name: [call("UpdatePolicy", state=state(f"allow group Evil to manage {name} in tenancy"), **IDENTITY)]
                for name in ("policies", "users", "groups", "dynamic-groups", "domains")
            },
        },
        {
            "refused": [call("CreatePolicy", status=404, state=state("Allow group Evil to manage all-resources in tenancy"), **IDENTITY)],
            "read only": [call("CreatePolicy", state=state("Allow group Auditors to read all-resources in tenancy"), **IDENTITY)],
            "deleted": [call("DeletePolicy", **IDENTITY)],
        },
    ),
    "OCI Policy or Grant Changed": Case(
        {
            "policy": [call("UpdatePolicy", state=state("Allow group Auditors to read buckets in tenancy"), **IDENTITY)],
            "role in a domain": [domain("admin.grant.create.success", "GrantRole", target="Security Administrator")],
        },
        {
            "refused": [call("UpdatePolicy", status=404, **IDENTITY)],
            "role refused": [domain("admin.grant.create.failure", "GrantRole")],
            "another kind of policy": [call("CreateVolumeBackupPolicy", service="BlockVolume")],
        },
    ),
    "User Added to an OCI Administrators Group": Case(
        {
            "administrators": [
                domain("admin.group.add.member.success", "AddGroupMember", target="Administrators", second_target="mallory@example.com")
            ],
            "lower case": [domain("admin.group.add.member.success", "AddGroupMember", target="oci-admins")],
        },
        {
            "another group": [domain("admin.group.add.member.success", "AddGroupMember", target="Auditors")],
            "refused": [domain("admin.group.add.member.failure", "AddGroupMember", target="Administrators")],
            "removed": [domain("admin.group.remove.member.success", "RemoveGroupMember", target="Administrators")],
        },
    ),
    "OCI Multi-Factor Authentication Removed or Bypassed": Case(
        {
            "device deleted": [call("DeleteMfaTotpDevice", status=204, **IDENTITY)],
            "factors removed": [call("CreateAuthenticationFactorsRemover", service="IdentityDomains", status=201)],
            "bypass code": [domain("sso.bypasscode.create.success", "GenerateBypassCode", target="alice@example.com")],
            **{
                f"factor {word}": [domain(f"admin.user.factor.{word}.success", "ChangeFactor", target="alice@example.com")]
                for word in ("reset", "remove", "delete", "disable")
            },
            "reset in a domain": [domain("admin.user.mfa.reset.success", "ResetUserMfa", target="alice@example.com")],
        },
        {
            "refused": [call("DeleteMfaTotpDevice", status=404, **IDENTITY)],
            "refused in a domain": [domain("admin.user.mfa.reset.failure", "ResetUserMfa")],
            "bypass code refused": [domain("sso.bypasscode.create.failure", "GenerateBypassCode")],
            "enrolled": [domain("admin.me.factor.enroll.success", "EnrollFactor")],
            "challenge": [domain("sso.auth.factor.initiated", "AuthFactorInitiated")],
        },
    ),
    "OCI Audit, Logging or Threat Detection Changed": Case(
        {
            "retention": [call("UpdateConfiguration", service="Audit")],
            "Cloud Guard": [call("UpdateConfiguration", service="CloudGuardManagementPlane")],
            "log deleted": [call("DeleteLog", service="Logging", resource="flow-log")],
            "connector": [call("DeactivateServiceConnector", service="ServiceConnectorHub")],
        },
        {
            "refused": [call("UpdateConfiguration", service="Audit", status=403)],
            "another service": [call("UpdateConfiguration", service="Opsi")],
            "log refused": [call("DeleteLog", service="Logging", status=404)],
            "read": [call("GetConfiguration", service="Audit", verb="GET")],
            "log created": [call("CreateLog", service="Logging")],
        },
    ),
    "OCI Bucket Made Public": Case(
        {
            "created": [call("CreateBucket", details=public("ObjectRead"), **BUCKET)],
            "changed": [call("UpdateBucket", details=public("ObjectReadWithoutList"), **BUCKET)],
        },
        {
            "private": [call("CreateBucket", details=public("NoPublicAccess"), **BUCKET)],
            "read": [call("GetBucket", details=public("ObjectRead"), verb="GET", **BUCKET)],
            "refused": [call("UpdateBucket", details=public("ObjectRead"), status=404, **BUCKET)],
        },
    ),
    "OCI Pre-Authenticated Request Created": Case(
        {"created": [call("CreatePreauthenticatedRequest", **BUCKET)]},
        {
            "refused": [call("CreatePreauthenticatedRequest", status=404, **BUCKET)],
            "listed": [call("ListPreauthenticatedRequests", verb="GET", **BUCKET)],
        },
    ),
    "OCI Vault, Key or Secret Scheduled for Deletion": Case(
        {
            "key": [call("ScheduleKeyDeletion", **KEYS)],
            "vault": [call("ScheduleVaultDeletion", **KEYS)],
            "disabled": [call("DisableKey", **KEYS)],
        },
        {"refused": [call("ScheduleKeyDeletion", status=404, **KEYS)], "canceled": [call("CancelKeyDeletion", **KEYS)]},
    ),
    "OCI Network Rule Opened to the Internet": Case(
        {
            "IPv4": [call("UpdateSecurityList", state=ingress("0.0.0.0/0"), **NETWORK)],
            "IPv6": [call("CreateSecurityList", state=ingress("::/0"), **NETWORK)],
            "group": [call("AddNetworkSecurityGroupSecurityRules", state={"securityRules": [{"source": "0.0.0.0/0"}]}, **NETWORK)],
        },
        {
            "one network": [call("UpdateSecurityList", state=ingress("203.0.113.0/24"), **NETWORK)],
            "refused": [call("UpdateSecurityList", state=ingress("0.0.0.0/0"), status=404, **NETWORK)],
            "removed": [call("DeleteSecurityList", **NETWORK)],
        },
    ),
    "OCI Identity Provider Changed": Case(
        {
            "call": [call("CreateIdentityProvider", service="IdentityDomains", status=201)],
            "in a domain": [domain("admin.identityprovider.update.success", "UpdateIdp", target="Corporate SSO")],
        },
        {
            "refused": [call("UpdateIdentityProvider", status=404, **IDENTITY)],
            "refused in a domain": [domain("admin.identityprovider.update.failure", "UpdateIdp")],
            "read": [call("GetIdentityProvider", verb="GET", **IDENTITY)],
        },
    ),
    "OCI Break-Glass User Active": Case(
        {
            "sign-on": [sign_on("breakglass-1", succeeded=True)],
            "failed sign-on": [sign_on("breakglass-2@example.com", succeeded=False)],
            "call, federated": [call("ListUsers", user="oracleidentitycloudservice/breakglass-1", verb="GET")],
            "domain event": [domain("admin.user.create.success", "CreateUser", user="breakglass-1")],
        },
        {"the name elsewhere": [call("GetUser", resource="breakglass-1", verb="GET")]},
    ),
    "Repeated Failed OCI Sign-Ons of One User": Case(
        {
            "five": failures("five@example.com", 5),
            "federated": failures("federated@example.com", 5, name="FederatedInteractiveLogin"),
            "attempts": failures("attempts@example.com", 5, name="FederatedInteractiveLoginAttempt"),
        },
        {
            "four": failures("four@example.com", 4),
            "slow": failures("slow@example.com", 6, step=200),
            "successes": successes("fine@example.com", 6),
        },
    ),
    "OCI Sign-On Succeeded After Repeated Failures": Case(
        {
            "guessed": [*failures("guessed@example.com", 6), sign_on("guessed@example.com", succeeded=True, at=43_500)],
            "federated": [
                *failures("saml@example.com", 6), sign_on("saml@example.com", succeeded=True, at=43_500, name="FederatedInteractiveLogin"),
            ],
        },
        {
            "no success": failures("locked@example.com", 6),
            "success first": [sign_on("before@example.com", succeeded=True, at=43_100), *failures("before@example.com", 6)],
            "two mistakes": [*failures("mistyped@example.com", 2), sign_on("mistyped@example.com", succeeded=True, at=43_500)],
            "much later": [*failures("later@example.com", 6), sign_on("later@example.com", succeeded=True, at=47_000)],
            "another user": [*failures("one@example.com", 6), sign_on("other@example.com", succeeded=True, at=43_500)],
        },
    ),
    "Password Spraying Against OCI Users": Case(
        {"five users": [failures(f"spray{number}", 1, address="198.51.100.90")[0] for number in range(5)]},
        {
            "one user": failures("persistent@example.com", 8, address="198.51.100.91"),
            "slow": [failures(f"late{number}", 1, at=40_000 + 200 * number, address="198.51.100.93")[0] for number in range(6)],
            "four users": [failures(f"few{number}", 1, address="198.51.100.92")[0] for number in range(4)],
        },
    ),
    "Mass Deletion of OCI Resources": Case(
        {
            "twenty": deletions("wiper@example.com", 20),
            **{f"{verb} twenty": deletions(f"{verb}@example.com", 20, name=f"{verb}Volume") for verb in DELETIONS},
        },
        {
            "nineteen": deletions("tidy@example.com", 19),
            "refused": deletions("refused@example.com", 25, status=404),
            "in an hour": deletions("slow-wiper@example.com", 25, step=120),
        },
    ),
    "Burst of Denied OCI Calls": Case(
        {
            "fifteen kinds": denied("scanner@example.com", 15),
            "forbidden": denied("forbidden@example.com", 16, status=403),
            "not authenticated": denied("expired@example.com", 16, status=401),
        },
        {
            "fourteen": denied("almost@example.com", 14),
            "one kind": [call("GetInstance", 43_200 + index, user="poller@example.com", status=404) for index in range(60)],
            "conflicts": denied("conflicts@example.com", 16, status=409),
            "slow": denied("patient@example.com", 16, step=120),
        },
    ),
    "Many OCI Secrets Read by One User": Case(
        {"ten": secrets("thief@example.com", 10), "by name": secrets("thief2@example.com", 10, name="GetSecretBundleByName")},
        {
            "three often": secrets("app@example.com", 3, reads=10),
            "nine": secrets("careful@example.com", 9),
            "slow": secrets("patient-thief@example.com", 12, step=120),
            "refused": secrets("stranger@example.com", 12, status=404),
            "listed": secrets("lister@example.com", 12, name="ListSecretBundleVersions"),
        },
    ),
}  # fmt: skip
"""Title of the rule → its case."""
