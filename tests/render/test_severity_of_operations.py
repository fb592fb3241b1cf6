"""The severity of every operation of the installed OCI SDK, in every spelling."""

import re
from pathlib import Path

import pytest

from epimetheus.render.operation_words import MAX_LENGTH, parse_operation
from epimetheus.render.severity import operation_severity
from epimetheus.render.severity_table import HIGH, LOW, MEDIUM, OTHER, SENSITIVE
from tests.support.sdk_operations import installed_operations

WITHOUT_VERB = Path(__file__).parents[1] / "data" / "sdk_operations_without_verb.txt"
OPERATIONS = installed_operations()

# Independent of the words in `epimetheus.render.severity_table`, so that it does not share their gaps. Parts of words, not words.
DESTROYS = re.compile(
    r"delet|terminat|remov|purg|destroy|disabl|de_?activat|revo[kc]|de_?regist|unregist|drop|uninstall|offboard|decommission"
)
CHANGES = re.compile(
    DESTROYS.pattern + r"|detach|export|decrypt|disassoc|unassign|suspend|unset|unmount|unsubscr|withdraw|abort|cancel|grant|attach|assign"
    r"|_lock|lock_|enabl|activat|reset|rotat|restor|recover|replace|_stop|^stop|pause|reboot|configure|publish|install|migrat|approve|reject"
    r"|authoriz|escalat|grant|transfer"
)
READS = re.compile(
    r"(?:batch_)?(?:get|list|head|summarize|search|query|download|retrieve|find|estimate|evaluate|preview|check|test|validate|verify)_(?!and_)"
)
KEEPS = re.compile(r"cancel_|rollback_|extend_|(?:create|update|change|import|request|start|add)_")
"""The object of these has a destructive word in its name: a deletion that is canceled, a job."""
LONGEST_NAME = max(map(len, OPERATIONS))


def words(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def test_the_sdk_has_operations_and_their_names_are_read_whole():
    assert len(OPERATIONS) > 7000
    assert MAX_LENGTH > LONGEST_NAME


def test_the_operations_without_a_verb_are_known():
    """An operation that is new here needs a look: does it change anything? Then its verb belongs in the table."""
    unknown = [name for name in OPERATIONS if operation_severity(name) == OTHER]
    assert unknown == WITHOUT_VERB.read_text("utf-8").split()
    assert [name for name in unknown if CHANGES.search(words(name))] == []


def test_no_operation_that_destroys_or_disables_is_less_than_high():
    destructive = [name for name in OPERATIONS if DESTROYS.search(words(name)) and not READS.match(words(name))]
    assert len(destructive) > 900
    assert [name for name in destructive if operation_severity(name) < HIGH and not KEEPS.match(words(name))] == []
    assert [name for name in destructive if operation_severity(name) < MEDIUM] == []


def test_no_operation_of_change_is_less_than_medium():
    changing = [name for name in OPERATIONS if CHANGES.search(words(name)) and not READS.match(words(name))]
    assert len(changing) > 1400
    assert [name for name in changing if operation_severity(name) < MEDIUM] == []


def with_hyphens(name):
    return words(name).replace("_", "-")


def in_camel_case(name):
    return name[:1].lower() + name[1:]


@pytest.mark.parametrize("spelling", [str.upper, str.lower, words, with_hyphens, in_camel_case])
def test_the_spelling_of_a_name_does_not_lower_its_severity(spelling):
    changed = {name: operation_severity(spelling(name)) - operation_severity(name) for name in OPERATIONS}
    assert [name for name, change in changed.items() if change < 0 and operation_severity(name) != OTHER] == []
    assert sum(change > 0 for change in changed.values()) < len(OPERATIONS) // 100


@pytest.mark.parametrize(
    ("severity", "names"),
    [
        (HIGH, "CascadeDeleteTagNamespace CascadingDeleteTagNamespace BatchDeleteObjects BulkDeleteResources"),
        (HIGH, "ScheduleKeyDeletion DELETEVCN"),
        (HIGH, "DropTablespace DROPINDEX DropSqlTuningSet UninstallAddon OffboardNamespace BulkDeActivateAttribute"),
        (HIGH, "deletevcn removeuserfromgroup"),
        (HIGH, "DisableTotp RevokeX DeletedThings InstanceTerminated ThingDelete CreateAndDeleteX"),
        (HIGH, "cascadedeletetagnamespace delete_vcn delete-vcn DELETEvcn"),
        (HIGH, "CreateBypassCode ResetMfa CreateAuthenticationFactorsRemover CreateMyAuthenticationFactorsRemover"),
        (HIGH, "DeleteMfaTotpDevice"),
        (SENSITIVE, "CreatePolicy UpdatePolicy AddUserToGroup CreateUser UpdateUserState UploadApiKey CreateAuthToken"),
        (SENSITIVE, "CreateCustomerSecretKey"),
        (SENSITIVE, "CreateSmtpCredential ActivateMfaTotpDevice CreateIdentityProvider UpdateIdpGroupMapping"),
        (SENSITIVE, "CreateDynamicGroup LockUser"),
        (SENSITIVE, "UpdateLog UpdateLogGroup UpdateServiceConnector UpdateRule UpdateDetectorRecipe StopAuditTrail"),
        (SENSITIVE, "UpdateSecurityList"),
        (SENSITIVE, "AddNetworkSecurityGroupSecurityRules UpdateRouteTable CreateInternetGateway CreatePreauthenticatedRequest"),
        (SENSITIVE, "ExportKey"),
        (SENSITIVE, "createpolicy UPDATEPOLICY createapikey addusertogroup CreateOrResetUIPassword ConfigureSaasAdminUser"),
        (SENSITIVE, "ResetPassword"),
        (SENSITIVE, "createidentityprovider createidpgroupmapping creategroup createuser updateusercapabilities updateuserstate"),
        (SENSITIVE, "createroutetable updatesecuritylist updatenetworksecuritygroupsecurityrules createdrg createlocalpeeringgateway"),
        (SENSITIVE, "EnableSuperuser CreateNamedCredential UpdateIpSecConnectionTunnelSharedSecret CreateDrgAttachment"),
        (MEDIUM, "CreateVcn ChangeCompartment AttachVolume DetachTarget LaunchInstance PutObject CancelKeyDeletion"),
        (MEDIUM, "BulkEditTags StartX StopX"),
        (MEDIUM, "UnsetDatabaseBaseline DisassociateX RecoverX SuspendX PauseX MigrateX InstallX Decrypt InvokeFunction"),
        (MEDIUM, "ValidateAndPublishX"),
        (MEDIUM, "ValidateAndConfigureMicrositeDns createvcn RotateKey runX InstanceAction DbNodeAction TargetDetach"),
        (MEDIUM, "Undelete ScheduleX Schedule"),
        (MEDIUM, "STOP START SOFTRESET RESET SOFTSTOP DIAGNOSTICREBOOT SENDDIAGNOSTICINTERRUPT CreateVolumeBackupPolicy"),
        (MEDIUM, "cancelkeydeletion"),
        (MEDIUM, "GetSecretBundle GetSecretBundleByName RetrievePassword GetAutonomousDatabaseWallet"),
        (MEDIUM, "GetWindowsInstanceInitialCredentials"),
        (LOW, "GetInstance ListEvents HeadObject DescribeX SearchX SummarizeMetrics QueryX ValidateX get_thing Get List2"),
        (LOW, "getvcn GETVCN"),
        (LOW, "ListDeletedVaults GetKeyDeletion ListSecretBundleVersions listdeletedvaults GetPolicy ListApiKeys"),
        (LOW, "EstimatePurgeDataSize"),
        (OTHER, "InteractiveLogin XGet Creator AppAccess Chat Encrypt é 123 _ Undefined"),
    ],
)  # fmt: skip
def test_severity_depends_on_what_an_operation_does_and_to_what(severity, names):
    assert {name: operation_severity(name) for name in names.split()} == dict.fromkeys(names.split(), severity)


@pytest.mark.parametrize(
    ("service", "severity"),
    [("Audit", SENSITIVE), ("audit", SENSITIVE), ("CloudGuardCpApi", SENSITIVE), ("mysql", MEDIUM), ("", MEDIUM)],
)
def test_a_name_that_many_services_use_is_sensitive_in_some(service, severity):
    assert operation_severity("UpdateConfiguration", service) == severity


@pytest.mark.parametrize(
    ("name", "verbs", "target"),
    [
        ("CreateOrResetUIPassword", ("create", "reset"), "uipassword"),
        ("validateandconfiguredns", ("validate", "configure"), "dns"),
        ("ScheduleKeyDeletion", ("schedule", "deletion"), "keydeletion"),
        ("users.deleteapikey", ("delete",), "usersapikey"),
        ("FailOverDatabase", ("failover",), "database"),
        ("SettingModified", ("modify",), "setting"),
        ("BulkDelete", ("delete",), ""),
        ("Bulk", (), "bulk"),
        ("", (), ""),
        ("CreateAnd", ("create",), "and"),
    ],
)  # fmt: skip
def test_the_words_of_a_name(name, verbs, target):
    assert parse_operation(name) == (verbs, target)


@pytest.mark.parametrize("part", ["x", "Xy", "DELETE", "validateand", "a.", "De"])
def test_only_the_start_of_a_very_long_name_is_read(part):
    assert parse_operation(part * 100_000) == parse_operation((part * 100_000)[:MAX_LENGTH])
    assert len(parse_operation(part * 100_000).target) <= MAX_LENGTH
