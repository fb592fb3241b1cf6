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
from sigma.processing.pipeline import ProcessingPipeline

from tests.content.sigma.messages import CONTENT

RULES, CORRELATIONS, SEQUENCES = (CONTENT / name for name in ("rules", "correlations", "sequences"))
PIPELINES = CONTENT / "pipelines"
BACKENDS = {
    "splunk": SplunkBackend, "kusto": KustoBackend, "lucene": LuceneBackend, "eql": EqlBackend, "esql": ESQLBackend,
    "qradar-aql-community": QRadarAQLBackend, "sqlite": sqliteBackend,
}  # fmt: skip
"""The name in `sigma convert -t` → the backend."""


def load(*folders):
    """The rules of these folders. Converting changes them, so every conversion loads its own."""
    rules = SigmaCollection.load_ruleset(list(map(str, folders)))
    assert not rules.errors
    return rules


@cache
def pipeline(*names):
    """The pipelines of these names, joined, with the tenancy's values."""
    texts = [(PIPELINES / f"{name}.yml").read_text("utf-8") for name in ("environment", *names)]
    return reduce(lambda one, other: one + other, (ProcessingPipeline.from_dict(yaml.load(text, yaml.CSafeLoader)) for text in texts))


def convert(target, pipelines, *folders):
    """Title → query of each rule. A rule that only serves others has the condition without the parts around it."""
    rules = load(*folders)
    BACKENDS[target](pipeline(*pipelines)).convert(rules)
    return {rule.title: rule.get_conversion_result()[0] for rule in rules.rules}
