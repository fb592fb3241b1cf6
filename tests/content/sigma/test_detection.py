"""Each rule runs over our own messages: it fires on its cases, and neither on its near misses nor on a day of ordinary events."""

import json
from pathlib import Path

import pytest

from epimetheus.model import Fetched
from tests.content.sigma import day
from tests.content.sigma.cases import CASES
from tests.content.sigma.conversion import CORRELATIONS, RULES, SEQUENCES, convert, detection_items, load
from tests.content.sigma.events import call, domain
from tests.content.sigma.messages import FORMATS, columns, render, table

DATA = Path(__file__).parents[2] / "data"
DAY = "the ordinary day"
FOLDERS = (RULES, CORRELATIONS, SEQUENCES)


def database(form, labelled):
    """The messages of labelled events and notices, in the table of a SQLite database."""
    events, notices = split(labelled)
    messages = render(form, [item for _, item in events], [item for _, item in notices])
    return table([columns(form, message) for message in messages], [json.dumps(label) for label, _ in events + notices])


def split(labelled):
    """Events, and notices: the two kinds of messages."""
    return [each for each in labelled if not isinstance(each[1], Fetched)], [each for each in labelled if isinstance(each[1], Fetched)]


def fired(connection, query):
    """The labels of the rows that a query returns, or of the events that a rule that counts names."""
    cursor = connection.execute(query)
    names = [column[0] for column in cursor.description]
    if "label" not in names:
        ids = [each.partition(":")[2] for row in cursor for each in json.loads(row[names.index("event_ids")])]
        cursor = connection.execute(f"SELECT DISTINCT label FROM logs WHERE rowid IN ({','.join(ids) or 'NULL'})")
        names = ["label"]
    return {json.dumps(json.loads(row[names.index("label")])) for row in cursor}


@pytest.mark.parametrize("form", FORMATS)
def test_each_rule_fires_on_its_cases_and_on_nothing_else(form):
    labelled = [(DAY, item) for item in [*day.events(), *day.notices()]]
    assert len(labelled) > 3000
    for title, case in CASES.items():
        labelled += [([title, name], item) for name, made in (case.fires | case.misses).items() for item in made]
    connection = database(form, labelled)
    queries = convert("sqlite", (form,), *FOLDERS)
    results = {title: fired(connection, queries[title]) for title in CASES}
    missed = {title: {name for name in case.fires if json.dumps([title, name]) not in results[title]} for title, case in CASES.items()}
    wrong = {title: {name for name in case.misses if json.dumps([title, name]) in results[title]} for title, case in CASES.items()}
    assert {title: names for title, names in missed.items() if names} == {}
    assert {title: names for title, names in wrong.items() if names} == {}
    assert [title for title, labels in results.items() if json.dumps(DAY) in labels] == []


# Events that others published (tests/data): the rules that fire on them, whether others count it or not.
PUBLISHED = {
    "meaning/dom_bypass_created.json": {"OCI Multi-Factor Authentication Removed or Bypassed"},
    "meaning/dom_group_add_member.json": {"User Added to an OCI Administrators Group"},
    "meaning/dom_login_failed_comment.json": {"Failed OCI Sign-On"},
    "meaning/dom_login_failed_silent.json": {"Failed OCI Sign-On"},
    "meaning/dom_who_where_in_details.json": {"OCI Sign-On Succeeded"},
    "meaning/fed_login_failed.json": {"Failed OCI Sign-On", "OCI Call Denied"},
    "samples/livelabs_InteractiveLogin_failed.json": {"Failed OCI Sign-On"},
    "samples/o11y_iam_InteractiveLogin_sso.json": {"OCI Sign-On Succeeded"},
    "samples/o11y_v2_CreateVcn_natf_404.json": {"OCI Call Denied"},
    "samples/docs_v2_GetInstance.json": set(),
    "samples/newrelic_GetBastion_emptyidentity.json": set(),
}


@pytest.mark.parametrize("form", FORMATS)
def test_rules_fire_on_published_events(form):
    events = {name: json.loads((DATA / name).read_text("utf-8")) for name in PUBLISHED}
    labelled = [(name, event.get("input", event)) for name, event in events.items()]
    connection = database(form, labelled + every_column())
    queries = convert("sqlite", (form,), RULES, CORRELATIONS, SEQUENCES)
    found = {name: set() for name in PUBLISHED}
    for title, query in queries.items():
        if not query.startswith("WITH "):
            labels = fired(connection, query if query.startswith("SELECT ") else f"SELECT * FROM logs WHERE {query}")
            for name in PUBLISHED:
                found[name] |= {title} if json.dumps(name) in labels else set()
    assert found == PUBLISHED


def every_column():
    """Events that have every field that a rule names: a query fails if the table lacks a column."""
    return [("another event", event) for case in CASES.values() for made in case.fires.values() for event in made]


def variants(rule):
    """For each operation that the rule lists: the first event of its case that names one of them, with this operation instead."""
    operations = [str(value) for item in detection_items([rule]) if item.field == "eventName" for value in item.value]
    made = [event for events in CASES[rule.title].fires.values() for event in events if not isinstance(event, Fetched)]
    template = next((event for event in made if event["data"]["eventName"] in operations), None)
    for operation in operations if template else ():
        event_type = template["eventType"].rpartition(".")[0]
        yield operation, {**template, "eventType": f"{event_type}.{operation}", "data": {**template["data"], "eventName": operation}}


def test_a_rule_fires_on_each_operation_that_it_lists():
    listed = [(rule.title, *variant) for rule in load(RULES).rules for variant in variants(rule)]
    assert len(listed) > 70
    labelled = [([title, operation], event) for title, operation, event in listed]
    connection = database("cef", labelled + every_column())
    queries = convert("sqlite", ("cef",), RULES)
    results = {title: fired(connection, queries[title]) for title in {title for title, *_ in listed}}
    assert [(title, name) for title, name, _ in listed if json.dumps([title, name]) not in results[title]] == []


@pytest.mark.parametrize(("form", "counted"), [("cef", True), ("leef", True), ("ocsf", True), ("json", False)])
def test_only_json_cannot_count_events_whose_user_only_the_details_name(form, counted):
    """JSON is the event as OCI returns it: the user of an identity domain's event has another path, and a rule groups by one field."""
    failures = [domain("sso.authentication.failure", "InteractiveLogin", 43_200 + 10 * index, user="victim") for index in range(6)]
    connection = database(form, [*[("failures", event) for event in failures], ("another call", call("ListUsers"))])
    found = fired(connection, convert("sqlite", (form,), *FOLDERS)["Repeated Failed OCI Sign-Ons of One User"])
    assert found == ({json.dumps("failures")} if counted else set())
