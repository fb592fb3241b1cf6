"""The rules and pipelines of content/sigma, and their conversion with pySigma's backends.

A query that a backend cannot make is composed here from the conditions that it did make, see `composed`.
"""

from functools import cache, reduce

import yaml
from sigma.backends.elasticsearch import EqlBackend, ESQLBackend, LuceneBackend
from sigma.backends.kusto import KustoBackend
from sigma.backends.QRadarAQL import QRadarAQLBackend
from sigma.backends.splunk import SplunkBackend
from sigma.backends.sqlite import sqliteBackend
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule
from sigma.processing.pipeline import ProcessingPipeline
from sigma.rule import SigmaDetection

from tests.content.sigma.messages import CONTENT

RULES, CORRELATIONS, SEQUENCES = (CONTENT / name for name in ("rules", "correlations", "sequences"))
PIPELINES = CONTENT / "pipelines"
BACKENDS = {
    "splunk": SplunkBackend, "kusto": KustoBackend, "lucene": LuceneBackend, "eql": EqlBackend, "esql": ESQLBackend,
    "qradar-aql-community": QRadarAQLBackend, "sqlite": sqliteBackend,
}  # fmt: skip
"""The name in `sigma convert -t` → the backend."""
VOCABULARY = (
    "eventName", "service", "outcome", "httpStatus", "message", "principalName", "principalId", "ipAddress", "userAgent", "resourceName",
    "resourceId", "domainEvent", "target", "secondTarget", "tamperWatch", "sealKey", "publicAccessType", "policyStatements",
    "ruleSources",
)  # fmt: skip
"""The logical fields of the rules."""


def load(*folders):
    """The rules of these folders. Converting changes them, so every conversion loads its own."""
    rules = SigmaCollection.load_ruleset(list(map(str, folders)))
    assert not rules.errors
    return rules


def detection_items(rules):
    """What the rules that do not count compare: each field with its values."""
    plain = [rule for rule in rules if not isinstance(rule, SigmaCorrelationRule)]
    return [item for rule in plain for detection in rule.detection.detections.values() for item in _items(detection)]


def _items(detection):
    for item in detection.detection_items:
        yield from _items(item) if isinstance(item, SigmaDetection) else [item]


def mapping(*names):
    """Logical field → its fields after these pipelines, for rules that do not count."""
    found = {}
    for name in names:
        items = yaml.load((PIPELINES / f"{name}.yml").read_text("utf-8"), yaml.CSafeLoader)["transformations"]
        step = {}
        for item in items:
            if item["type"] == "field_name_mapping":
                step |= {field: [target] if isinstance(target, str) else target for field, target in item["mapping"].items()}
        found = {field: [each for one in found.get(field, [field]) for each in step.get(one, [one])] for field in VOCABULARY}
    return found


@cache
def pipeline(*names):
    """As `new_pipeline`, made once."""
    return new_pipeline(*names)


def new_pipeline(*names):
    """The pipelines of these names, joined, with the tenancy's values."""
    texts = [(PIPELINES / f"{name}.yml").read_text("utf-8") for name in ("environment", *names)]
    return reduce(lambda one, other: one + other, (ProcessingPipeline.from_dict(yaml.load(text, yaml.CSafeLoader)) for text in texts))


def convert(target, pipelines, *folders):
    """Title → query of each rule. A rule that only serves others has the condition without the parts around it."""
    rules = load(*folders)
    BACKENDS[target](pipeline(*pipelines)).convert(rules)
    return {rule.title: rule.get_conversion_result()[0] for rule in rules.rules}
