"""Queries that pySigma's backends cannot make: rules that count, for Sentinel and QRadar, and the sequence of sign-ons, for all.

The conditions are those that the backends made; only the text around them is written here.
"""

from sigma.correlations import SigmaCorrelationRule, SigmaCorrelationType

from tests.content.sigma.conversion import BACKENDS, CORRELATIONS, SEQUENCES, load, pipeline

SENTINEL, QRADAR, SPLUNK, ELASTIC = ("cef", "sentinel_cef"), ("leef", "qradar_leef"), ("cef", "splunk_cef"), ("cef", "elastic_cef")
SEQUENCE = "OCI Sign-On Succeeded After Repeated Failures"


def sentinel_prefix():
    """The text before the condition of every query for Sentinel."""
    return pipeline(*SENTINEL).postprocessing_items[0].transformation.prefix


def counted_by_sentinel():
    """Title → KQL of each rule that counts."""
    rules, backend = _converted("kusto", SENTINEL)
    return {rule.title: _kql(rule, backend) for rule in rules if _counts(rule)}


def counted_by_qradar():
    """Title → AQL of each rule that counts."""
    rules, backend = _converted("qradar-aql-community", QRADAR)
    return {rule.title: _aql(rule, backend) for rule in rules if _counts(rule)}


def sequence_for_splunk():
    """The sequence of sign-ons in SPL."""
    failed, succeeded = _sign_ons("splunk", SPLUNK)
    return (
        f'({failed}) OR ({succeeded})\n| eval failed=if(outcome="failure", 1, 0)\n| sort 0 _time\n'
        "| streamstats time_window=25m sum(failed) as failures by suser\n| where failed=0 AND failures>=5\n| table _time,suser,src,failures"
    )


def sequence_for_sentinel():
    """The sequence of sign-ons in KQL."""
    failed, succeeded = _sign_ons("kusto", SENTINEL)
    source = sentinel_prefix().removesuffix("\n| where ")
    return (
        f"let events = {source};\n"
        f"let failed_users = events\n| where {failed}\n"
        "| summarize failures = count(), last_failure = max(TimeGenerated) by SourceUserName, window = bin(TimeGenerated, 10m)\n"
        "| where failures >= 5;\n"
        f"events\n| where {succeeded}\n| join kind=inner failed_users on SourceUserName\n"
        "| where TimeGenerated between (last_failure .. 15m)"
    )


def sequence_for_elastic():
    """The sequence of sign-ons in EQL."""
    failed, succeeded = _sign_ons("eql", ELASTIC)
    return f"sequence by source.user.name with maxspan=25m\n  [any where {failed}] with runs=5\n  [any where {succeeded}]"


def sequence_for_qradar():
    """The sequence of sign-ons in AQL, which does not check that the failures were first."""
    failed, succeeded = _sign_ons("qradar-aql-community", QRADAR)
    failures = f"SELECT username, COUNT(*) AS failures FROM events WHERE {failed} GROUP BY username HAVING failures >= 5 LAST 25 MINUTES"
    return (
        f"SELECT username, sourceip, COUNT(*) AS sign_ons FROM events WHERE {succeeded} "
        f"AND username IN (SELECT username FROM ({failures})) GROUP BY username, sourceip LAST 15 MINUTES"
    )


def _converted(target, pipelines):
    """The rules of CORRELATIONS and SEQUENCES after conversion of those that the backend can convert, and the backend."""
    rules = load(CORRELATIONS, SEQUENCES)
    everything = list(rules.rules)
    rules.rules = [rule for rule in everything if not isinstance(rule, SigmaCorrelationRule)]
    backend = BACKENDS[target](pipeline(*pipelines))
    backend.convert(rules)
    return everything, backend


def _counts(rule):
    return isinstance(rule, SigmaCorrelationRule) and rule.type in (SigmaCorrelationType.EVENT_COUNT, SigmaCorrelationType.VALUE_COUNT)


def _parts(rule, backend):
    """The condition, the group field, the counted field or None, and the threshold, after the pipelines."""
    backend.last_processing_pipeline.apply(rule)
    (condition,) = rule.rules[0].rule.get_conversion_result()
    return condition, rule.group_by[0], rule.condition.fieldref, rule.condition.count


def _kql(rule, backend):
    condition, group, counted, threshold = _parts(rule, backend)
    name, what = ("value_count", f"dcount({counted})") if counted else ("event_count", "count()")
    return (
        f"{sentinel_prefix()}({condition}) and isnotempty({group})\n"
        f"| summarize {name} = {what} by {group}, bin(TimeGenerated, {rule.timespan.spec})\n| where {name} >= {threshold}"
    )


def _aql(rule, backend):
    condition, group, counted, threshold = _parts(rule, backend)
    name, what = ("value_count", f"UNIQUECOUNT({counted})") if counted else ("event_count", "COUNT(*)")
    return (
        f"SELECT {group}, {what} AS {name} FROM events WHERE {condition} GROUP BY {group} HAVING {name} >= {threshold} "
        f"LAST {rule.timespan.seconds // 60} MINUTES"
    )


def _sign_ons(target, pipelines):
    """The conditions of a failed sign-on, and of one that succeeded."""
    rules, _ = _converted(target, pipelines)
    results = {rule.name: rule.get_conversion_result() for rule in rules if not isinstance(rule, SigmaCorrelationRule)}
    return results["oci_signon_failed"][0], results["oci_signon_succeeded"][0]
