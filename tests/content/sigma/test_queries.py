"""The queries of each SIEM, in full, for some rules; docs/siem.md shows those of all rules."""

import pytest

from tests.content.sigma import composed
from tests.content.sigma.composed import ELASTIC, QRADAR, SENTINEL, SPLUNK
from tests.content.sigma.conversion import CORRELATIONS, RULES, convert

BUCKET, TAMPER, BREAK_GLASS, DELETION = (
    "OCI Bucket Made Public",
    "OCI Resource of the Audit Forwarder Changed",
    "OCI Break-Glass User Active",
    "Mass Deletion of OCI Resources",
)
TABLE = """\
CommonSecurityLog
| where DeviceVendor == "Oracle" and DeviceProduct == "OCI Audit"
| extend HttpStatus = tostring(coalesce(FieldDeviceCustomNumber1, tolong(DeviceCustomNumber1)))
| parse-kv AdditionalExtensions as (OracleOCIAuditDomainEvent: string, OracleOCIAuditTarget: string, \
OracleOCIAuditSecondTarget: string, OracleOCIAuditTamperWatch: string, OracleOCIAuditSealKey: string, \
OracleOCIAuditNewState: string, OracleOCIAuditPublicAccessType: string) with (pair_delimiter=";", kv_delimiter="=")
"""
TYPE = "LOGSOURCETYPENAME(devicetype)='Universal LEEF'"


@pytest.mark.parametrize(
    ("target", "pipelines", "expected"),
    [
        ("splunk", SPLUNK, {
            BUCKET: 'index="oci_audit" act IN ("CreateBucket", "UpdateBucket") OracleOCIAuditPublicAccessType IN ("ObjectRead", '
            '"ObjectReadWithoutList") outcome="success" | table suser,src,cs2',
            TAMPER: 'index="oci_audit" OracleOCIAuditTamperWatch="true" NOT (act IN ("Get*", "Head*", "List*", "Summarize*")) '
            "| table suser,src,act,cs2,outcome",
            BREAK_GLASS: 'index="oci_audit" suser IN ("breakglass*", "*/breakglass*") | table suser,src,act,outcome',
        }),
        ("splunk", ("json", "splunk_json"), {
            BUCKET: 'index="oci_audit" data.eventName IN ("CreateBucket", "UpdateBucket") data.additionalDetails.publicAccessType '
            'IN ("ObjectRead", "ObjectReadWithoutList") epimetheus.outcome="success" | table data.identity.principalName,'
            "data.additionalDetails.actorName,data.identity.ipAddress,data.additionalDetails.clientIp,data.resourceName",
        }),
        ("splunk", ("ocsf", "splunk_json"), {
            BUCKET: 'index="oci_audit" api.operation IN ("CreateBucket", "UpdateBucket") '
            'unmapped.data.additionalDetails.publicAccessType IN ("ObjectRead", "ObjectReadWithoutList") status="Success" '
            "| table actor.user.name,src_endpoint.ip,resources{}.name",
        }),
        ("kusto", SENTINEL, {
            BUCKET: TABLE + '| where (DeviceAction in~ ("CreateBucket", "UpdateBucket")) and (OracleOCIAuditPublicAccessType in~ '
            '("ObjectRead", "ObjectReadWithoutList")) and EventOutcome =~ "success"',
            TAMPER: TABLE + '| where OracleOCIAuditTamperWatch =~ "true" and (not((DeviceAction startswith "Get" or DeviceAction '
            'startswith "Head" or DeviceAction startswith "List" or DeviceAction startswith "Summarize")))',
            BREAK_GLASS: TABLE + '| where SourceUserName startswith "breakglass" or SourceUserName contains "/breakglass"',
        }),
        ("lucene", ELASTIC, {
            BUCKET: 'cef.device.product:"OCI Audit" AND ((event.action:(CreateBucket OR UpdateBucket)) AND '
            "(cef.extensions.OracleOCIAuditPublicAccessType:(ObjectRead OR ObjectReadWithoutList)) AND event.outcome:success)",
            TAMPER: 'cef.device.product:"OCI Audit" AND (cef.extensions.OracleOCIAuditTamperWatch:true AND (NOT (event.action:(Get* '
            "OR Head* OR List* OR Summarize*))))",
            BREAK_GLASS: 'cef.device.product:"OCI Audit" AND (source.user.name:(breakglass* OR *\\/breakglass*))',
        }),
        ("eql", ELASTIC, {
            BUCKET: 'any where cef.device.product:"OCI Audit" and ((event.action like~ ("CreateBucket", "UpdateBucket")) and '
            '(cef.extensions.OracleOCIAuditPublicAccessType like~ ("ObjectRead", "ObjectReadWithoutList")) and event.outcome:"success")',
        }),
        ("esql", ELASTIC, {
            BUCKET: 'from logs-cef.log-* metadata _id, _index, _version | where cef.device.product=="OCI Audit" and (event.action in '
            '("CreateBucket", "UpdateBucket")) and (cef.extensions.OracleOCIAuditPublicAccessType in ("ObjectRead", '
            '"ObjectReadWithoutList")) and event.outcome=="success"',
        }),
        ("qradar-aql-community", QRADAR, {
            BUCKET: f"SELECT *, username, sourceip, resourceName FROM events WHERE {TYPE} AND ((eventName IN('CreateBucket', "
            "'UpdateBucket')) AND (publicAccessType IN('ObjectRead', 'ObjectReadWithoutList')) AND outcome='success')",
            TAMPER: f"SELECT *, username, sourceip, eventName, resourceName, outcome FROM events WHERE {TYPE} AND (tamperWatch='true' "
            "AND (NOT((LOWER(eventName) LIKE 'get%' OR LOWER(eventName) LIKE 'head%' OR LOWER(eventName) LIKE 'list%' OR "
            "LOWER(eventName) LIKE 'summarize%'))))",
            BREAK_GLASS: f"SELECT *, username, sourceip, eventName, outcome FROM events WHERE {TYPE} AND (LOWER(username) LIKE "
            "'breakglass%' OR LOWER(username) LIKE '%/breakglass%')",
        }),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, tuple) else value if isinstance(value, str) else "",
)  # fmt: skip
def test_rules_become_queries(target, pipelines, expected):
    queries = convert(target, pipelines, RULES)
    assert {title: queries[title] for title in expected} == expected


def test_rules_that_count_become_queries():
    assert convert("splunk", SPLUNK, CORRELATIONS)[DELETION] == (
        'index="oci_audit" act IN ("Delete*", "Terminate*", "BatchDelete*", "BulkDelete*", "CascadeDelete*") outcome="success"\n\n'
        "| bin _time span=10m\n| stats count as event_count by _time suser\n\n| search event_count >= 20"
    )
    assert convert("esql", ELASTIC, CORRELATIONS)[DELETION] == (
        'from logs-cef.log-* metadata _id, _index, _version | where cef.device.product=="OCI Audit" and (starts_with(event.action, '
        '"Delete") or starts_with(event.action, "Terminate") or starts_with(event.action, "BatchDelete") or starts_with(event.action, '
        '"BulkDelete") or starts_with(event.action, "CascadeDelete")) and event.outcome=="success"\n'
        "| eval timebucket=date_trunc(10minutes, @timestamp) | stats event_count=count(), event.action=values(event.action), "
        "cef.extensions.deviceCustomString2=values(cef.extensions.deviceCustomString2) by timebucket, source.user.name\n"
        "| where event_count >= 20"
    )
    assert composed.counted_by_sentinel()[DELETION] == (
        TABLE + '| where ((DeviceAction startswith "Delete" or DeviceAction startswith "Terminate" or DeviceAction startswith '
        '"BatchDelete" or DeviceAction startswith "BulkDelete" or DeviceAction startswith "CascadeDelete") and EventOutcome =~ "success") '
        "and isnotempty(SourceUserName)\n"
        "| summarize event_count = count() by SourceUserName, bin(TimeGenerated, 10m)\n| where event_count >= 20"
    )
    assert composed.counted_by_qradar()[DELETION] == (
        f"SELECT username, COUNT(*) AS event_count FROM events WHERE {TYPE} AND ((LOWER(eventName) LIKE 'delete%' OR LOWER(eventName) "
        "LIKE 'terminate%' OR LOWER(eventName) LIKE 'batchdelete%' OR LOWER(eventName) LIKE 'bulkdelete%' OR LOWER(eventName) LIKE "
        "'cascadedelete%') AND outcome='success') GROUP BY username HAVING event_count >= 20 LAST 10 MINUTES"
    )


def test_the_sequence_of_sign_ons_becomes_queries():
    names = '"InteractiveLogin", "FederatedInteractiveLogin"'
    assert composed.sequence_for_elastic() == (
        "sequence by source.user.name with maxspan=25m\n"
        f'  [any where cef.device.product:"OCI Audit" and ((event.action like~ ({names}, "FederatedInteractiveLoginAttempt")) '
        'and event.outcome:"failure")] with runs=5\n'
        f'  [any where cef.device.product:"OCI Audit" and ((event.action like~ ({names})) and event.outcome:"success")]'
    )
    assert composed.sequence_for_splunk() == (
        f'(index="oci_audit" act IN ({names}, "FederatedInteractiveLoginAttempt") outcome="failure") OR '
        f'(index="oci_audit" act IN ({names}) outcome="success")\n'
        '| eval failed=if(outcome="failure", 1, 0)\n| sort 0 _time\n'
        "| streamstats time_window=25m sum(failed) as failures by suser\n| where failed=0 AND failures>=5\n| table _time,suser,src,failures"
    )
    assert composed.sequence_for_sentinel() == (
        f"let events = {TABLE[:-1]};\n"
        f'let failed_users = events\n| where (DeviceAction in~ ({names}, "FederatedInteractiveLoginAttempt")) and '
        'EventOutcome =~ "failure"\n'
        "| summarize failures = count(), last_failure = max(TimeGenerated) by SourceUserName, window = bin(TimeGenerated, 10m)\n"
        "| where failures >= 5;\n"
        f'events\n| where (DeviceAction in~ ({names})) and EventOutcome =~ "success"\n| join kind=inner failed_users on SourceUserName\n'
        "| where TimeGenerated between (last_failure .. 15m)"
    )
    assert composed.sequence_for_qradar() == (
        f"SELECT username, sourceip, COUNT(*) AS sign_ons FROM events WHERE {TYPE} AND ((eventName IN('InteractiveLogin', "
        "'FederatedInteractiveLogin')) AND outcome='success') AND username IN (SELECT username FROM (SELECT username, COUNT(*) AS "
        f"failures FROM events WHERE {TYPE} AND ((eventName IN('InteractiveLogin', 'FederatedInteractiveLogin', "
        "'FederatedInteractiveLoginAttempt')) AND outcome='failure') GROUP BY username HAVING failures >= 5 LAST 25 MINUTES)) "
        "GROUP BY username, sourceip LAST 15 MINUTES"
    )
