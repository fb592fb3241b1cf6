"""Alarms and queries use the names and the dimension of the metrics that the function posts."""

import re

from epimetheus.observe.metrics import OptionalMetrics, measures
from tests.support.reports import report
from tests.terraform.hcl import MODULE, module_locals

POSTED = set(measures(report(certificate_days=3.0), OptionalMetrics()))


def test_each_alarm_queries_a_metric_that_is_posted():
    alarms = str(module_locals(MODULE / "observability.tf")["own_alarms"])
    watched = re.findall(r"(\w+)\[\$\{local\.window\}\]\.groupBy\(region\)", alarms)
    assert len(watched) == alarms.count("local.window}].") == 10
    assert set(watched) <= POSTED


def test_each_query_of_the_outputs_uses_a_metric_that_is_posted():
    queries = re.findall(r"(\w+)\[\$\{local\.window\}\]", (MODULE / "outputs.tf").read_text("utf-8"))
    assert len(queries) == 4
    assert set(queries) <= POSTED
