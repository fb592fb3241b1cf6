"""The rules file: the Go program's works as it is, and what is wrong or odd in one is told at once, with line and path."""

import json
import time

import pytest
from pydantic import ValidationError

from epimetheus.config.rules_file import EventFiltering, RateLimit, RulesFile, Statistics, UserFiltering, read_rules
from epimetheus.errors import ConfigError

GO_EXAMPLE = """{"ordered_fields": ["rt","cs1","cs2","suser","dvc","src","deviceEventClassId","externalId","compartmentId",
 "compartmentName","resourceName","resourceId","principalName","ipAddress","userAgent"],
 "field_mappings": {"eventTime":"rt","eventType":"deviceEventClassId","eventId":"externalId","source":"dvc","compartmentId":"cs1",
  "compartmentName":"cs1Label","resourceName":"dvchost","resourceId":"deviceExternalId","principalName":"suser","ipAddress":"src",
  "userAgent":"requestClientApplication"},
 "event_filtering": {"mode":"exclude","excluded_events":[],"included_events":[],
  "rate_limiting":{"com.oraclecloud.ComputeApi.GetInstance":{"max_per_hour":100,"enabled":true}},
  "priority_events":["com.oraclecloud.identityControlPlane.CreateUser","com.oraclecloud.identityControlPlane.DeleteUser",
   "com.oraclecloud.ComputeApi.LaunchInstance","com.oraclecloud.ComputeApi.TerminateInstance"],
  "user_filtering":{"exclude_service_accounts":true,"exclude_users":[],"include_only_users":[]}},
 "statistics": {"enable_detailed_logging":true,"log_interval_events":100,"track_cache_metrics":true,"track_performance_metrics":true},
 "cef_vendor":"Oracle","cef_product":"CloudInfrastructure","cef_version":"1.0"}"""

WHOLE = """{
  "event_filtering": {
    "enabled": true,
    "mode": "include",
    "excluded_events": null,
    "included_events": ["com.oraclecloud.*", "Delete*"],
    "never_drop": ["com.oraclecloud.identityControlPlane.*"],
    "rate_limiting": {
      "com.oraclecloud.*.GetInstance": {"max_per_hour": 0, "enabled": false}, "ListInstances": {"max_per_hour": 1}, "ListVnics": null
    },
    "user_filtering": {"exclude_users": ["svc", "ocid1.user.oc1..a"], "service_accounts": ["Zoë B."]}
  },
  "statistics": null,
  "severity": {"Delete*": 9, "com.oraclecloud.*": 0, "GetSecret": 10},
  "formats": {"cef": {}}, "lookups": {}, "cache_invalidation_rules": null
}"""

PATTERN = "allowed is up to 255 letters, digits and . _ : - as event types and names have them, and * for anything"
AS_A_KEY = PATTERN.replace("allowed is", "allowed as a key is")
USER = "allowed is a user's name or OCID, not an empty text"


def rules(text, key="RULES"):
    """What a text holds, which must be without warnings."""
    read, warnings = read_rules(key, text)
    assert warnings == ()
    return read


def problems(text):
    with pytest.raises(ConfigError) as failed:
        read_rules("RULES", text)
    assert failed.value.__cause__ is None
    assert failed.value.__context__ is None
    return list(failed.value.problems)


def filtering(**keys):
    """A file of which only ``event_filtering`` is spoken of, one key a line."""
    members = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in keys.items())
    return f'{{"event_filtering": {{\n{members}\n}}}}'


def test_the_go_programs_example_works_as_it_is():
    assert rules(GO_EXAMPLE).event_filtering == EventFiltering(
        mode="exclude",
        rate_limiting={"com.oraclecloud.ComputeApi.GetInstance": RateLimit(max_per_hour=100, enabled=True)},
        priority_events=(
            "com.oraclecloud.identityControlPlane.CreateUser",
            "com.oraclecloud.identityControlPlane.DeleteUser",
            "com.oraclecloud.ComputeApi.LaunchInstance",
            "com.oraclecloud.ComputeApi.TerminateInstance",
        ),
        user_filtering=UserFiltering(exclude_service_accounts=True),
    )
    assert rules(GO_EXAMPLE).statistics == Statistics(
        enable_detailed_logging=True, log_interval_events=100, track_cache_metrics=True, track_performance_metrics=True
    )


def test_what_is_new_is_understood_and_null_stands_for_absent():
    read = rules(WHOLE)
    assert read.event_filtering == EventFiltering(
        mode="include",
        included_events=("com.oraclecloud.*", "Delete*"),
        never_drop=("com.oraclecloud.identityControlPlane.*",),
        rate_limiting={
            "com.oraclecloud.*.GetInstance": RateLimit(max_per_hour=0, enabled=False),
            "ListInstances": RateLimit(max_per_hour=1, enabled=True),
        },
        user_filtering=UserFiltering(exclude_users=("svc", "ocid1.user.oc1..a"), service_accounts=("Zoë B.",)),
    )
    assert list(read.severity.items()) == [("Delete*", 9), ("com.oraclecloud.*", 0), ("GetSecret", 10)]
    assert read.statistics == Statistics()


@pytest.mark.parametrize("text", ["{}", "\ufeff{}", ' \r\n{\r\n"event_filtering": {}}\r\n', '{"event_filtering": null, "severity": {}}'])
def test_a_file_that_says_nothing_is_the_default(text):
    assert rules(text) == RulesFile()


def test_the_defaults():
    filtering, statistics = rules("{}").event_filtering, rules("{}").statistics
    assert (filtering.enabled, filtering.mode, filtering.user_filtering.exclude_service_accounts) == (True, "exclude", False)
    assert not any(statistics.model_dump().values())
    with pytest.raises(ValidationError):
        filtering.mode = "all"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["line 1, column 0: it is not JSON: EOF while parsing a value"]),
        ("[]", ["line 1: allowed is a JSON object"]),
        ('{"\udcff": 1}', ["line 1: allowed is UTF-8 text"]),
        ('{"event_filtering": }', ["line 1, column 21: it is not JSON: expected value"]),
        ('\ufeff{\r\n"é": }', ["line 2, column 6: it is not JSON: expected value"]),
        ('{"a":' * 700, ["line 1, column 1006: it is not JSON: nested too deep"]),
        ('{"event_filter": {}}', ["line 1, event_filter: there is no such key; the nearest is event_filtering"]),
        ('{"event_filtering":\n{"mod":\n1}}', ["line 2, event_filtering.mod: there is no such key; the nearest is mode"]),
        (
            '{"event_filtering": {"mode": "exclude",\r\n"mode": "include"},\r\n"lookups": {"a": 1,\r\n"\\u0061": 2}}',
            ["line 2, event_filtering.mode: this key stands twice", "line 4, lookups.a: this key stands twice"],
        ),
        (
            '{"event_filtering": {"rate_limiting": {\n"enabled":\n{"max_per_hour": 0, "enable": true},\n"x": {}}}}',
            [
                "line 3, event_filtering.rate_limiting.enabled.max_per_hour: "
                "allowed is a whole number of 1 or more, or 0 where enabled is false",
                "line 3, event_filtering.rate_limiting.enabled.enable: there is no such key; the nearest is enabled",
                "line 4, event_filtering.rate_limiting.x.max_per_hour: it is missing",
            ],
        ),
        (
            '{"event_filtering": {"rate_limiting": {"x": {"max_per_hour": -1, "enabled": false}, "a b": {"max_per_hour": 1}}}}',
            [
                "line 1, event_filtering.rate_limiting.x.max_per_hour: allowed is a whole number of 1 or more, or 0 where enabled is false",
                f"line 1, event_filtering.rate_limiting.a b: {AS_A_KEY}",
            ],
        ),
        (
            '{"event_filtering": {"excluded_events": ["a", 5,\n""], "never_drop": [\n"*|"]}, "statistics": {"log_interval_events": -1}}',
            [
                "line 1, event_filtering.excluded_events[1]: allowed is a text",
                f"line 2, event_filtering.excluded_events[2]: {PATTERN}",
                f"line 3, event_filtering.never_drop[0]: {PATTERN}",
                "line 3, statistics.log_interval_events: allowed is a whole number of 0 or more",
            ],
        ),
        (
            '{"event_filtering": {"user_filtering": {"exclude_service_account": true, "exclude_users": "svc", "service_accounts": [" "]}}}',
            [
                "line 1, event_filtering.user_filtering.exclude_users: allowed is a list of texts",
                f"line 1, event_filtering.user_filtering.service_accounts[0]: {USER}",
                "line 1, event_filtering.user_filtering.exclude_service_account: "
                "there is no such key; the nearest is exclude_service_accounts",
            ],
        ),
        (
            '{"severity": {"Get*": 11, "List*": -1, "^Get": 5, "Put": "5", "Do": true}}',
            [
                "line 1, severity.Get*: allowed is a whole number from 0 to 10",
                "line 1, severity.List*: allowed is a whole number from 0 to 10",
                f"line 1, severity.^Get: {AS_A_KEY}",
                "line 1, severity.Put: allowed is a whole number",
                "line 1, severity.Do: allowed is a whole number",
            ],
        ),
    ],
)
def test_all_that_is_wrong_is_told_with_line_and_path(text, expected):
    assert problems(text) == [f"RULES {problem}" for problem in expected]


WRONG = {"a JSON object": {}, "a list of texts": [], "a text": "x", "true or false": True, "a whole number": 5}


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("event_filtering", "a JSON object"),
        ("event_filtering.enabled", "true or false"),
        ("event_filtering.mode", "include, exclude or all"),
        ("event_filtering.excluded_events", "a list of texts"),
        ("event_filtering.included_events", "a list of texts"),
        ("event_filtering.priority_events", "a list of texts"),
        ("event_filtering.never_drop", "a list of texts"),
        ("event_filtering.rate_limiting", "a JSON object"),
        ("event_filtering.rate_limiting.X", "a JSON object"),
        ("event_filtering.rate_limiting.X.enabled", "true or false"),
        ("event_filtering.user_filtering", "a JSON object"),
        ("event_filtering.user_filtering.exclude_service_accounts", "true or false"),
        ("event_filtering.user_filtering.exclude_users", "a list of texts"),
        ("event_filtering.user_filtering.include_only_users", "a list of texts"),
        ("event_filtering.user_filtering.service_accounts", "a list of texts"),
        ("severity", "a JSON object"),
        ("severity.X", "a whole number"),
        ("statistics", "a JSON object"),
        ("statistics.enable_detailed_logging", "true or false"),
        ("statistics.log_interval_events", "a whole number"),
        ("statistics.track_cache_metrics", "true or false"),
        ("statistics.track_performance_metrics", "true or false"),
    ],
)
def test_a_value_of_another_kind_is_told_wherever_it_stands(path, allowed):
    for wrong in (value for kind, value in WRONG.items() if kind != allowed):
        text = json.dumps(wrong)
        for key in reversed(path.split(".")):
            text = f'{{"{key}": {text}}}'
        assert f"RULES line 1, {path}: allowed is {allowed}" in problems(text)


@pytest.mark.parametrize("character", list(' \t\n^$?/|()[]{}+\\é,"\0'))
def test_a_pattern_that_can_match_nothing_is_a_mistake(character):
    assert problems(filtering(priority_events=[f"Get{character}"])) == [f"RULES line 2, event_filtering.priority_events[0]: {PATTERN}"]


@pytest.mark.parametrize(
    "pattern", ["*", "GetInstance", "*.Get_X-2:y", "com.oraclecloud.*", "com.*", "c*.x", "COM.OracleCloud.x", "*.x", "a" * 255]
)
def test_a_pattern_that_may_match_is_let_pass(pattern):
    assert rules(filtering(never_drop=[pattern])).event_filtering.never_drop == (pattern,)


@pytest.mark.parametrize("pattern", ["ComputeApi.GetInstance", "com.oracle.x", "com.oraclecloudx.*", "b*.x", "com.oraclecloud", "xcom.*"])
@pytest.mark.parametrize("where", ["excluded_events", "priority_events", "never_drop", "rate_limiting"])
def test_a_pattern_with_a_dot_that_no_type_of_oci_is_like_is_told(where, pattern):
    told = "this matches no event of OCI: their types begin with com.oraclecloud., and a name has no dot"
    if where == "rate_limiting":
        read = filtering(rate_limiting={pattern: {"max_per_hour": 1}})
        assert read_rules("RULES", read)[1] == (f"RULES line 2, event_filtering.rate_limiting.{pattern}: {told}",)
    else:
        read = filtering(**{where: ["GetX", pattern]})
        assert read_rules("RULES", read)[1] == (f"RULES line 2, event_filtering.{where}[1]: {told}",)


GET, LIST = "com.oraclecloud.ComputeApi.GetInstance", "ListInstances"
LIMIT = {"max_per_hour": 1}


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"excluded_events": [GET], "priority_events": [LIST], "never_drop": ["Delete*"], "rate_limiting": {LIST: LIMIT}}, []),
        ({"mode": "include"}, ["line 2, mode: included_events is empty, every event is sent"]),
        (
            {"mode": "include", "included_events": [LIST], "excluded_events": [GET]},
            ["line 4, excluded_events: mode include does not look at this list, nothing is left out by it"],
        ),
        ({"included_events": [LIST]}, ["line 2, included_events: mode exclude does not look at this list, other events are sent as well"]),
        (
            {"mode": "all", "included_events": [LIST], "excluded_events": [GET]},
            [
                "line 3, included_events: mode all does not look at this list, other events are sent as well",
                "line 4, excluded_events: mode all does not look at this list, nothing is left out by it",
            ],
        ),
        (
            {"mode": "include", "included_events": ["x", GET.upper()], "excluded_events": [GET]},
            [
                "line 3, included_events[1]: this stands in excluded_events as well; by mode include it is sent",
                "line 4, excluded_events: mode include does not look at this list, nothing is left out by it",
            ],
        ),
        (
            {"excluded_events": [GET], "included_events": [GET]},
            [
                "line 3, included_events: mode exclude does not look at this list, other events are sent as well",
                "line 3, included_events[0]: this stands in excluded_events as well; by mode exclude it is left out",
            ],
        ),
        (
            {"excluded_events": [LIST, GET], "priority_events": [GET.lower()]},
            ["line 2, excluded_events[1]: priority_events has this and comes before, it is sent"],
        ),
        (
            {"excluded_events": [GET, "com.oraclecloud.ComputeApi.Get*", LIST], "never_drop": ["getinstance", "com.*.Get*"]},
            [
                "line 2, excluded_events[0]: never_drop has this and comes before, it is sent",
                "line 2, excluded_events[1]: never_drop has this and comes before, it is sent",
            ],
        ),
        ({"excluded_events": ["Get*", "com.oraclecloud.*"], "priority_events": [GET, "GetInstance"]}, []),
        (
            {"rate_limiting": {LIST: LIMIT, "Off": {"max_per_hour": 1, "enabled": False}}, "never_drop": ["List*", "Off"]},
            [f"line 2, rate_limiting.{LIST}: never_drop has this and comes before, it is not limited"],
        ),
        ({"rate_limiting": {LIST: LIMIT}, "priority_events": ["List*"]}, []),
        (
            {"excluded_events": [GET, LIST, GET.lower(), GET], "rate_limiting": {"a": LIMIT, "A": LIMIT}},
            [
                "line 2, excluded_events[2]: this stands here already, without regard to case",
                "line 2, excluded_events[3]: this stands here already, without regard to case",
                "line 3, rate_limiting.A: this stands here already, without regard to case",
            ],
        ),
        (
            {"user_filtering": {"exclude_users": ["a", "A "], "include_only_users": ["b", "a"]}},
            [
                "line 2, user_filtering.include_only_users[1]: exclude_users has this as well and comes before, it is left out",
                "line 2, user_filtering.exclude_users[1]: this stands here already, without regard to case",
            ],
        ),
        (
            {"user_filtering": {"exclude_service_accounts": True, "include_only_users": ["b"]}},
            ["line 2, user_filtering.exclude_service_accounts: of those in include_only_users, who is a service is left out as well"],
        ),
        ({"user_filtering": {"exclude_service_accounts": False, "include_only_users": ["b"], "service_accounts": ["b"]}}, []),
        ({"enabled": False}, []),
        ({"enabled": False, "excluded_events": ["a.b"]}, ["line 2, enabled: no rule of event_filtering is applied, every event is sent"]),
    ],
)
def test_what_comes_to_nothing_or_to_the_unexpected_is_told(keys, expected):
    _, warnings = read_rules("RULES", filtering(**keys))
    assert [warning.replace("RULES ", "").replace(", event_filtering.", ", ") for warning in warnings] == expected


def test_severities_are_looked_at_as_well():
    assert read_rules("FILE", '{"event_filtering": {"enabled": false},\n"severity": {"a.b": 1,\n"Get": 1, "get": 2}}')[1] == (
        "FILE line 2, severity.a.b: this matches no event of OCI: their types begin with com.oraclecloud., and a name has no dot",
        "FILE line 3, severity.get: this stands here already, without regard to case",
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"event_filtering": {"excluded_events": [' + "1," * 300_000 + "1]}}", 101),
        ('{"event_filtering": {' + ",".join(f'"{n}": 1' for n in range(80_000)) + "}}", 101),
        ('{"a": {' + '"a": 1,' * 100_000 + '"a": 1}}', 101),
        ('{"' + "a" * 1_000_000 + '": 1}', 1),
        ('{"event_filtering": {"mode": "' + "a" * 1_000_000 + '"}}', 1),
        ('{"a":' * 200_000, 1),
        ('{"a":"' + '\\"' * 500_000, 1),
    ],
    ids=["items", "keys", "doubles", "long key", "long value", "deep", "open"],
)
def test_the_mistakes_of_a_million_characters_are_told_soon_and_in_short(text, told):
    began = time.process_time()
    found = problems(text)
    assert time.process_time() - began < 20
    assert len(found) == told
    assert max(map(len, found)) < 250
    assert told == 1 or found[-1] == "RULES: there are more than these 100"


def test_the_warnings_of_a_million_characters_are_told_soon():
    one, other = ([f"com.oraclecloud.{letter}{number}.*" for number in range(15_000)] for letter in "xy")
    text = filtering(excluded_events=[*one, "a" * 255, other[3], "yb"], never_drop=["*a" * 120 + "b", "y*b", *other])
    began = time.process_time()
    _, warnings = read_rules("RULES", text)
    assert time.process_time() - began < 20
    assert warnings == (
        "RULES line 2, event_filtering.excluded_events[15001]: never_drop has this and comes before, it is sent",
        "RULES line 2, event_filtering.excluded_events[15002]: never_drop has this and comes before, it is sent",
    )
