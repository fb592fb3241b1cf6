"""The rules are valid Sigma, name operations that exist, and use one vocabulary, which every format's pipeline maps to its fields."""

import json
import re
from itertools import chain

import pytest
from sigma.correlations import SigmaCorrelationRule
from sigma.types import SigmaString
from sigma.validation import SigmaValidator
from sigma.validators.core import validators

from epimetheus.render.formats import cef, leef
from tests.content.sigma.cases import CASES
from tests.content.sigma.conversion import CORRELATIONS, RULES, SEQUENCES, VOCABULARY, detection_items, load, mapping
from tests.content.sigma.messages import CONTENT
from tests.support.sdk_operations import installed_operations

NEED_NETWORK = {"attacktag", "d3_fendtag"}
"""Validators that download MITRE's data; `test_tags_are_tactics_and_techniques` checks the form instead."""
TACTICS = {
    "initial-access", "execution", "persistence", "privilege-escalation", "defense-evasion", "credential-access", "discovery",
    "lateral-movement", "collection", "exfiltration", "impact",
}  # fmt: skip
NOT_IN_THE_SDK = {
    "InteractiveLogin", "FederatedInteractiveLogin", "FederatedInteractiveLoginAttempt",  # the console's sign-on
    "HeldBack", "Seal",  # notices
}  # fmt: skip


@pytest.fixture(scope="module")
def rules():
    return load(RULES, CORRELATIONS, SEQUENCES).rules


@pytest.mark.parametrize("name", sorted(set(validators) - NEED_NETWORK))
def test_pysigma_finds_nothing_to_object_to(name, rules):
    assert SigmaValidator({validators[name]}).validate_rules(iter(rules)) == []


def test_each_rule_is_documented(rules):
    for rule in rules:
        assert rule.id
        assert rule.author == "Epimetheus"
        assert str(rule.status) == "test"
        assert rule.description.strip().endswith(".")
        assert rule.falsepositives
        assert rule.level
        assert all(reference.startswith(("https://attack.mitre.org/", "https://docs.oracle.com/")) for reference in rule.references)


def test_tags_are_tactics_and_techniques(rules):
    for rule in rules:
        names = [tag.name for tag in rule.tags if tag.namespace == "attack"]
        techniques = [name for name in names if re.fullmatch(r"t\d{4}(\.\d{3})?", name)]
        assert techniques
        assert set(names) - set(techniques) <= TACTICS
        pages = {f"https://attack.mitre.org/techniques/{name.upper().replace('.', '/')}/" for name in techniques}
        assert pages & set(rule.references)


def test_operations_exist_in_the_sdk(rules):
    """A misspelled operation would make a rule silent."""
    known = {*installed_operations(), *NOT_IN_THE_SDK}
    values = [value for item in detection_items(rules) if item.field == "eventName" for value in item.value]
    exact = {str(value) for value in values if isinstance(value, SigmaString) and not value.contains_special()}
    assert len(exact) > 50
    assert exact - known == set()


def test_rules_use_the_vocabulary(rules):
    listed = set(chain.from_iterable(rule.fields for rule in rules))
    grouped = {name for rule in rules if isinstance(rule, SigmaCorrelationRule) for name in rule.group_by or ()}
    assert {item.field for item in detection_items(rules)} | listed | grouped == set(VOCABULARY)


def test_each_rule_that_reports_has_cases(rules):
    helpers = {"Failed OCI Sign-On", "OCI Sign-On Succeeded", "OCI Resource Deleted", "OCI Call Denied", "OCI Secret Read"}
    assert {rule.title for rule in rules} == {*CASES, *helpers}


@pytest.mark.parametrize(("form", "keys"), [("cef", cef.KEYS), ("leef", (*leef.KEYS, "eventType"))])
def test_pipelines_map_to_keys_that_are_sent(form, keys):
    """``eventType`` is in LEEF's header. The other keys are those of the format, or added by field_map.json."""
    added = json.loads((CONTENT / "field_map.json").read_text("utf-8"))["formats"][form]["add"]
    assert set(chain.from_iterable(mapping(form).values())) <= {*keys, *added}


@pytest.mark.parametrize(("siem", "kept"), [("sentinel_cef", "OracleOCIAudit"), ("elastic_cef", None)])
def test_pipelines_of_a_siem_map_every_key(siem, kept):
    """Sentinel has no column for the keys of our own, which keep their names."""
    before, after = mapping("cef"), mapping("cef", siem)
    assert [field for field in VOCABULARY if before[field] == after[field] and not (kept and before[field][0].startswith(kept))] == []
