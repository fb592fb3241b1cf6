"""The rules file: the Go program's file works unchanged; every problem and warning is reported at once, with line and path."""

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

PATTERN = "expected up to 255 letters, digits and . _ : -, with * as a wildcard"
AS_A_KEY = f"invalid key: {PATTERN}"
USER = "expected a user name or OCID, not empty"


def rules(text, key="RULES"):
    """The rules in a text that causes no warnings."""
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
    """A file with ``event_filtering`` only, one key on each line."""
    members = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in keys.items())
    return f'{{"event_filtering": {{\n{members}\n}}}}'


def test_the_example_of_the_go_program_works_unchanged():
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


def test_new_keys_are_read_and_null_means_absent():
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
def test_an_empty_file_is_the_default(text):
    assert rules(text) == RulesFile()


@pytest.mark.parametrize("text", ["", "\ufeff \r\n\t\n"])
def test_no_text_is_an_error(text):
    with pytest.raises(ConfigError) as failed:
        rules(text)
    assert failed.value.problems == ("RULES: it is empty; expected a JSON object",)


def test_the_defaults():
    filtering, statistics = rules("{}").event_filtering, rules("{}").statistics
    assert (filtering.enabled, filtering.mode, filtering.user_filtering.exclude_service_accounts) == (True, "exclude", False)
    assert not any(statistics.model_dump().values())
    with pytest.raises(ValidationError):
        filtering.mode = "all"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[]", ["line 1: expected a JSON object"]),
        ('{"\udcff": 1}', ["line 1: expected UTF-8 text"]),
        ('{"event_filtering": }', ["line 1, column 21: invalid JSON: expected value"]),
        ('\ufeff{\r\n"é": }', ["line 2, column 6: invalid JSON: expected value"]),
        ('{"a":' * 700, ["line 1, column 1006: invalid JSON: nested too deeply"]),
        ('{"event_filter": {}}', ["line 1, event_filter: unknown key. Did you mean event_filtering?"]),
        ('{"event_filtering":\n{"mod":\n1}}', ["line 2, event_filtering.mod: unknown key. Did you mean mode?"]),
        (
            '{"event_filtering": {"mode": "exclude",\r\n"mode": "include"},\r\n"lookups": {"a": 1,\r\n"\\u0061": 2}}',
            ["line 2, event_filtering.mode: duplicate key", "line 4, lookups.a: duplicate key"],
        ),
        (
            '{"event_filtering": {"rate_limiting": {\n"enabled":\n{"max_per_hour": 0, "enable": true},\n"x": {}}}}',
            [
                "line 3, event_filtering.rate_limiting.enabled.max_per_hour: expected an integer of at least 1, or 0 if enabled is false",
                "line 3, event_filtering.rate_limiting.enabled.enable: unknown key. Did you mean enabled?",
                "line 4, event_filtering.rate_limiting.x.max_per_hour: this key is required",
            ],
        ),
        (
            '{"event_filtering": {"rate_limiting": {"x": {"max_per_hour": -1, "enabled": false}, "a b": {"max_per_hour": 1}}}}',
            [
                "line 1, event_filtering.rate_limiting.x.max_per_hour: expected an integer of at least 1, or 0 if enabled is false",
                f"line 1, event_filtering.rate_limiting.a b: {AS_A_KEY}",
            ],
        ),
        (
            '{"event_filtering": {"excluded_events": ["a", 5,\n""], "never_drop": [\n"*|"]}, "statistics": {"log_interval_events": -1}}',
            [
                "line 1, event_filtering.excluded_events[1]: expected a string",
                f"line 2, event_filtering.excluded_events[2]: {PATTERN}",
                f"line 3, event_filtering.never_drop[0]: {PATTERN}",
                "line 3, statistics.log_interval_events: expected an integer of at least 0",
            ],
        ),
        (
            '{"event_filtering": {"user_filtering": {"exclude_service_account": true, "exclude_users": "svc", "service_accounts": [" "]}}}',
            [
                "line 1, event_filtering.user_filtering.exclude_users: expected an array of strings",
                f"line 1, event_filtering.user_filtering.service_accounts[0]: {USER}",
                "line 1, event_filtering.user_filtering.exclude_service_account: unknown key. Did you mean exclude_service_accounts?",
            ],
        ),
        (
            '{"severity": {"Get*": 11, "List*": -1, "^Get": 5, "Put": "5", "Do": true}}',
            [
                "line 1, severity.Get*: expected an integer from 0 to 10",
                "line 1, severity.List*: expected an integer from 0 to 10",
                f"line 1, severity.^Get: {AS_A_KEY}",
                "line 1, severity.Put: expected an integer",
                "line 1, severity.Do: expected an integer",
            ],
        ),
    ],
)
def test_every_problem_is_reported_with_line_and_path(text, expected):
    assert problems(text) == [f"RULES {problem}" for problem in expected]


VALUES = {"a JSON object": {}, "an array of strings": [], "a string": "x", "true or false": True, "an integer": 5}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("event_filtering", "a JSON object"),
        ("event_filtering.enabled", "true or false"),
        ("event_filtering.mode", "include, exclude or all"),
        ("event_filtering.excluded_events", "an array of strings"),
        ("event_filtering.included_events", "an array of strings"),
        ("event_filtering.priority_events", "an array of strings"),
        ("event_filtering.never_drop", "an array of strings"),
        ("event_filtering.rate_limiting", "a JSON object"),
        ("event_filtering.rate_limiting.X", "a JSON object"),
        ("event_filtering.rate_limiting.X.enabled", "true or false"),
        ("event_filtering.user_filtering", "a JSON object"),
        ("event_filtering.user_filtering.exclude_service_accounts", "true or false"),
        ("event_filtering.user_filtering.exclude_users", "an array of strings"),
        ("event_filtering.user_filtering.include_only_users", "an array of strings"),
        ("event_filtering.user_filtering.service_accounts", "an array of strings"),
        ("severity", "a JSON object"),
        ("severity.X", "an integer"),
        ("statistics", "a JSON object"),
        ("statistics.enable_detailed_logging", "true or false"),
        ("statistics.log_interval_events", "an integer"),
        ("statistics.track_cache_metrics", "true or false"),
        ("statistics.track_performance_metrics", "true or false"),
    ],
)
def test_a_value_of_another_type_is_reported_at_any_path(path, expected):
    for value in (value for kind, value in VALUES.items() if kind != expected):
        text = json.dumps(value)
        for key in reversed(path.split(".")):
            text = f'{{"{key}": {text}}}'
        assert f"RULES line 1, {path}: expected {expected}" in problems(text)


@pytest.mark.parametrize("character", list(' \t\n^$?/|()[]{}+\\é,"\0'))
def test_a_pattern_that_cannot_match_is_a_problem(character):
    assert problems(filtering(priority_events=[f"Get{character}"])) == [f"RULES line 2, event_filtering.priority_events[0]: {PATTERN}"]


@pytest.mark.parametrize(
    "pattern", ["*", "GetInstance", "*.Get_X-2:y", "com.oraclecloud.*", "com.*", "c*.x", "COM.OracleCloud.x", "*.x", "a" * 255]
)
def test_a_pattern_that_may_match_is_accepted(pattern):
    assert rules(filtering(never_drop=[pattern])).event_filtering.never_drop == (pattern,)


@pytest.mark.parametrize("pattern", ["ComputeApi.GetInstance", "com.oracle.x", "com.oraclecloudx.*", "b*.x", "com.oraclecloud", "xcom.*"])
@pytest.mark.parametrize("where", ["excluded_events", "priority_events", "never_drop", "rate_limiting"])
def test_a_pattern_with_a_dot_that_matches_no_event_type_is_a_warning(where, pattern):
    expected = "matches no OCI event: event types start with com.oraclecloud., and event names contain no dot"
    if where == "rate_limiting":
        read = filtering(rate_limiting={pattern: {"max_per_hour": 1}})
        assert read_rules("RULES", read)[1] == (f"RULES line 2, event_filtering.rate_limiting.{pattern}: {expected}",)
    else:
        read = filtering(**{where: ["GetX", pattern]})
        assert read_rules("RULES", read)[1] == (f"RULES line 2, event_filtering.{where}[1]: {expected}",)


GET, LIST = "com.oraclecloud.ComputeApi.GetInstance", "ListInstances"
LIMIT = {"max_per_hour": 1}


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"excluded_events": [GET], "priority_events": [LIST], "never_drop": ["Delete*"], "rate_limiting": {LIST: LIMIT}}, []),
        ({"mode": "include"}, ["line 2, mode: included_events is empty: every event is sent"]),
        (
            {"mode": "include", "included_events": [LIST], "excluded_events": [GET]},
            ["line 4, excluded_events: mode include ignores this list: it excludes no event"],
        ),
        ({"included_events": [LIST]}, ["line 2, included_events: mode exclude ignores this list: other events are sent, too"]),
        (
            {"mode": "all", "included_events": [LIST], "excluded_events": [GET]},
            [
                "line 3, included_events: mode all ignores this list: other events are sent, too",
                "line 4, excluded_events: mode all ignores this list: it excludes no event",
            ],
        ),
        (
            {"mode": "include", "included_events": ["x", GET.upper()], "excluded_events": [GET]},
            [
                "line 3, included_events[1]: also in excluded_events: with mode include the event is sent",
                "line 4, excluded_events: mode include ignores this list: it excludes no event",
            ],
        ),
        (
            {"excluded_events": [GET], "included_events": [GET]},
            [
                "line 3, included_events: mode exclude ignores this list: other events are sent, too",
                "line 3, included_events[0]: also in excluded_events: with mode exclude the event is excluded",
            ],
        ),
        (
            {"excluded_events": [LIST, GET], "priority_events": [GET.lower()]},
            ["line 2, excluded_events[1]: priority_events covers this pattern and takes precedence: the events are sent"],
        ),
        (
            {"excluded_events": [GET, "com.oraclecloud.ComputeApi.Get*", LIST], "never_drop": ["getinstance", "com.*.Get*"]},
            [
                "line 2, excluded_events[0]: never_drop covers this pattern and takes precedence: the events are sent",
                "line 2, excluded_events[1]: never_drop covers this pattern and takes precedence: the events are sent",
            ],
        ),
        ({"excluded_events": ["Get*", "com.oraclecloud.*"], "priority_events": [GET, "GetInstance"]}, []),
        (
            {"rate_limiting": {LIST: LIMIT, "Off": {"max_per_hour": 1, "enabled": False}}, "never_drop": ["List*", "Off"]},
            [f"line 2, rate_limiting.{LIST}: never_drop covers this pattern and takes precedence: the events are not limited"],
        ),
        ({"rate_limiting": {LIST: LIMIT}, "priority_events": ["List*"]}, []),
        (
            {"excluded_events": [GET, LIST, GET.lower(), GET], "rate_limiting": {"a": LIMIT, "A": LIMIT}},
            [
                "line 2, excluded_events[2]: duplicate entry; letter case is ignored",
                "line 2, excluded_events[3]: duplicate entry; letter case is ignored",
                "line 3, rate_limiting.A: duplicate entry; letter case is ignored",
            ],
        ),
        (
            {"user_filtering": {"exclude_users": ["a", "A "], "include_only_users": ["b", "a"]}},
            [
                "line 2, user_filtering.include_only_users[1]: "
                "also in exclude_users, which takes precedence: the user's events are excluded",
                "line 2, user_filtering.exclude_users[1]: duplicate entry; letter case is ignored",
            ],
        ),
        (
            {"user_filtering": {"exclude_service_accounts": True, "include_only_users": ["b"]}},
            ["line 2, user_filtering.exclude_service_accounts: service accounts in include_only_users are excluded, too"],
        ),
        ({"user_filtering": {"exclude_service_accounts": False, "include_only_users": ["b"], "service_accounts": ["b"]}}, []),
        ({"enabled": False}, []),
        (
            {"enabled": False, "excluded_events": ["a.b"]},
            ["line 2, enabled: event_filtering is disabled: none of its rules applies, and every event is sent"],
        ),
    ],
)
def test_rules_without_effect_or_with_an_unexpected_one_cause_warnings(keys, expected):
    _, warnings = read_rules("RULES", filtering(**keys))
    assert [warning.replace("RULES ", "").replace(", event_filtering.", ", ") for warning in warnings] == expected


def test_patterns_of_severities_cause_the_same_warnings():
    assert read_rules("FILE", '{"event_filtering": {"enabled": false},\n"severity": {"a.b": 1,\n"Get": 1, "get": 2}}')[1] == (
        "FILE line 2, severity.a.b: matches no OCI event: event types start with com.oraclecloud., and event names contain no dot",
        "FILE line 3, severity.get: duplicate entry; letter case is ignored",
    )


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ('{"event_filtering": {"excluded_events": [' + "1," * 300_000 + "1]}}", 101),
        ('{"event_filtering": {' + ",".join(f'"{n}": 1' for n in range(80_000)) + "}}", 101),
        ('{"a": {' + '"a": 1,' * 100_000 + '"a": 1}}', 101),
        ('{"' + "a" * 1_000_000 + '": 1}', 1),
        ('{"event_filtering": {"mode": "' + "a" * 1_000_000 + '"}}', 1),
        ('{"a":' * 200_000, 1),
        ('{"a":"' + '\\"' * 500_000, 1),
    ],
    ids=["items", "keys", "duplicates", "long key", "long value", "deep", "open"],
)
def test_the_problems_of_a_million_characters_are_found_quickly_and_reported_briefly(text, count):
    began = time.process_time()
    found = problems(text)
    assert time.process_time() - began < 20
    assert len(found) == count
    assert max(map(len, found)) < 300
    assert count == 1 or found[-1] == "RULES: only the first 100 findings are listed"


def test_the_warnings_of_a_million_characters_are_found_quickly():
    one, other = ([f"com.oraclecloud.{letter}{number}.*" for number in range(15_000)] for letter in "xy")
    text = filtering(excluded_events=[*one, "a" * 255, other[3], "yb"], never_drop=["*a" * 120 + "b", "y*b", *other])
    began = time.process_time()
    _, warnings = read_rules("RULES", text)
    assert time.process_time() - began < 20
    assert warnings == (
        "RULES line 2, event_filtering.excluded_events[15001]: never_drop covers this pattern and takes precedence: the events are sent",
        "RULES line 2, event_filtering.excluded_events[15002]: never_drop covers this pattern and takes precedence: the events are sent",
    )
