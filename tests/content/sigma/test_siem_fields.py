"""The pipeline of each SIEM names the columns in which the SIEM has the values: the rules also fire on messages as it parses them."""

import json
from functools import cache

import pytest
from sigma.backends.sqlite import sqliteBackend

from tests.content.sigma import siem_fields
from tests.content.sigma.cases import CASES
from tests.content.sigma.conversion import CORRELATIONS, RULES, SEQUENCES, load, new_pipeline
from tests.content.sigma.messages import columns, render, table
from tests.content.sigma.test_detection import fired, split


@cache
def messages(form):
    """The fields of the messages of all cases, and their labels."""
    labelled = [
        ([title, name], item) for title, case in CASES.items() for name, made in (case.fires | case.misses).items() for item in made
    ]
    events, notices = split(labelled)
    texts = render(form, [item for _, item in events], [item for _, item in notices])
    return [columns(form, text) for text in texts], [json.dumps(label) for label, _ in events + notices]


@pytest.mark.parametrize(
    ("form", "siem", "parse"),
    [
        ("cef", "splunk_cef", siem_fields.splunk),
        ("json", "splunk_json", siem_fields.splunk),
        ("ocsf", "splunk_json", siem_fields.splunk),
        ("cef", "sentinel_cef", siem_fields.sentinel),
        ("cef", "elastic_cef", siem_fields.elastic),
        ("leef", "qradar_leef", siem_fields.qradar),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_rules_fire_on_messages_as_the_siem_parses_them(form, siem, parse):
    rows, labels = messages(form)
    connection = table([{**parse(row), "timestamp": row["timestamp"]} for row in rows], labels)
    pipelines = new_pipeline(form, siem)
    pipelines.postprocessing_items.clear()  # text around the condition in the SIEM's language
    rules = load(RULES, CORRELATIONS, SEQUENCES)
    sqliteBackend(pipelines).convert(rules)
    queries = {rule.title: rule.get_conversion_result()[0] for rule in rules.rules}
    for title, case in CASES.items():
        results = fired(connection, queries[title])
        found = {name for name in (*case.fires, *case.misses) if json.dumps([title, name]) in results}
        assert found == set(case.fires), title
