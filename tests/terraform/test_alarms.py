"""Alarms and the widgets of the dashboard use the names and the dimension of the metrics that the function posts."""

import re

from epimetheus.observe.metrics import OptionalMetrics, measures
from epimetheus.problem import STREAM
from epimetheus.reports import ReconciledNow
from tests.support.reports import report
from tests.terraform.hcl import MODULE, ROOT, module_locals

OPERATE = ROOT / "docs" / "operate.md"
POSTED = set(measures(report(certificate_days=3.0, reconciliation={"60": ReconciledNow("2026-01-01T11:00:00Z", 0, 0)}), OptionalMetrics()))
POSTED |= {"seals", "seals_unsent", "seal_chain_broken"}  # with a seal, which `report` does not have


def test_each_alarm_queries_a_metric_that_is_posted():
    alarms = str(module_locals(MODULE / "observability.tf")["own_alarms"])
    watched = re.findall(r"(\w+)\[\$\{local\.window\}\]\$\{local\.this_deployment\}\.groupBy\(region\)", alarms)
    assert len(watched) == alarms.count("local.window}]") == 17
    assert set(watched) <= POSTED


def test_the_alarm_of_cloud_guard_queries_a_metric_that_its_runs_post_and_others_do_not():
    (name,) = re.findall(r"(\w+)\[\$\{local\.poll_window\}\]", str(module_locals(MODULE / "observability.tf")["cloud_guard_alarms"]))
    assert name in measures(report(region=STREAM), OptionalMetrics())
    assert name not in POSTED


def test_each_widget_of_the_dashboard_queries_a_metric_that_is_posted():
    queries = re.findall(r"(\w+)\[\$\{local\.window\}\]", str(module_locals(MODULE / "observability.tf")["widgets"]))
    assert len(queries) == 12
    assert set(queries) <= POSTED


def test_the_steps_for_the_dashboard_list_the_widgets_of_terraform():
    """With the default interval of 15 minutes, the period of a query is 45 minutes."""
    line = r'title = "(.*?)", chart = "(.*?)", query = "(.*?)" }'
    values = {"${local.window}": "45m", "${local.this_deployment}": '{deployment = "epimetheus/epimetheus"}'}
    text = (MODULE / "observability.tf").read_text("utf-8")
    for name, value in values.items():
        text = text.replace(name, value)
    made = re.findall(line, text)
    listed = re.findall(r"^ *\| ([^|]+) \| (line|bar|single value) \| `(.*?)` \|$", OPERATE.read_text("utf-8"), re.M)
    assert (len(made), made) == (12, listed)


def test_alarms_on_absence_say_that_they_clear():
    """`absent()` forgets a stream after its period, and the alarm then clears without a reason."""
    text = (MODULE / "observability.tf").read_text("utf-8")
    blocks = [block for block in re.findall(r"\w+ = \{\n      query.*?\n    \}", text, re.S) if ".absent(3d)" in block]
    assert len(blocks) == 3
    assert all("${local.absent_clears}" in block for block in blocks)
    assert OPERATE.read_text("utf-8").count("**This alarm clears after three days**") == 1
