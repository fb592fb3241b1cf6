"""docs/siem.md is generated from content/sigma: ``python -m tests.docs.test_siem_doc`` writes it."""

import json
import re
import shlex
from functools import cache
from itertools import chain
from pathlib import Path

import pytest
from click.testing import CliRunner
from sigma.cli.convert import convert as convert_command
from sigma.correlations import SigmaCorrelationRule

from epimetheus.config.rules_file import read_rules
from epimetheus.select.tamper_watch import OWN_CALLS
from tests.content.sigma import composed
from tests.content.sigma.cases import CASES
from tests.content.sigma.composed import ELASTIC, QRADAR, SENTINEL, SEQUENCE, SPLUNK
from tests.content.sigma.conversion import CORRELATIONS, RULES, SEQUENCES, convert, detection_items, load, mapping
from tests.content.sigma.messages import CONTENT, FORMATS
from tests.docs.test_formats_doc import code_list, table

DOC = Path(__file__).parents[2] / "docs" / "siem.md"
COMMAND = "python -m tests.docs.test_siem_doc"
DEPENDENCIES = Path(__file__).parents[2] / "requirements-dev.txt"
TEMPLATE = Path(__file__).with_name("siem_template.md")
FIELD_MAP_FIELDS = {"policyStatements", "ruleSources", "publicAccessType"}
NEEDS = {
    "OCI Audit Forwarder Cannot Read Some Compartments": "`SEAL_MESSAGES`",
    "OCI Audit Events Suppressed by the Forwarder's Rate Limit": "a rate limit in `RULES`",
    "OCI Audit Log Read by a Function From an Unknown Address": "`OWN_EVENTS=summarize`",
    "OCI Break-Glass User Active": "environment.yml",
}  # fmt: skip


def fields_of(rule):
    """The logical fields that a rule compares, its own and those of the rules that it counts."""
    if isinstance(rule, SigmaCorrelationRule):
        return set(chain(rule.group_by or (), *(fields_of(each.rule) for each in rule.rules)))
    return {item.field for item in detection_items([rule])}


def needs(rule):
    """What must be set so that the rule can fire."""
    fields = fields_of(rule)
    named = [NEEDS[rule.title]] if rule.title in NEEDS else []
    return ", ".join([
        *named,
        *(["`TAMPER_WATCH`"] if "tamperWatch" in fields else []),
        *(["`FIELD_MAP`, with CEF and LEEF"] if fields & FIELD_MAP_FIELDS else []),
    ])  # fmt: skip


def rules_table():
    rules = {rule.title: rule for rule in load(RULES, CORRELATIONS, SEQUENCES).rules}
    rows = []
    for title in CASES:
        rule = rules[title]
        tactics = [tag.name.replace("-", " ") for tag in rule.tags if not re.fullmatch(r"t\d{4}(\.\d{3})?", tag.name)]
        rows.append((title, " ".join(rule.description.split()), rule.level.name.lower(), ", ".join(tactics), needs(rule)))
    return table(("rule", "description", "level", "ATT&CK tactics", "needs"), rows)


def field_table():
    def shown(names):
        return " or ".join(f"`{name}`" for name in names)

    columns = {form: mapping(form) for form in FORMATS}
    sentinel, elastic = mapping("cef", "sentinel_cef"), mapping("cef", "elastic_cef")
    rows = [
        (
            f"`{name}`",
            *(shown(columns[form][name]) for form in ("cef", "leef", "json", "ocsf")),
            shown(sentinel[name]),
            shown(elastic[name]),
        )
        for name in columns["cef"]
    ]
    return table(("field", "CEF", "LEEF", "JSON", "OCSF", "Sentinel", "Elastic"), rows)


@cache
def queries():
    """SIEM → title → language and query."""
    return {
        "Splunk": {
            **{title: ("spl", query) for folder in (RULES, CORRELATIONS) for title, query in convert("splunk", SPLUNK, folder).items()},
            SEQUENCE: ("spl", composed.sequence_for_splunk()),
        },
        "Sentinel": {
            **{title: ("kusto", query) for title, query in convert("kusto", SENTINEL, RULES).items()},
            **{title: ("kusto", query) for title, query in composed.counted_by_sentinel().items()},
            SEQUENCE: ("kusto", composed.sequence_for_sentinel()),
        },
        "Elastic": {
            **{title: ("lucene", query) for title, query in convert("lucene", ELASTIC, RULES).items()},
            **{title: ("esql", query) for title, query in convert("esql", ELASTIC, CORRELATIONS).items()},
            SEQUENCE: ("eql", composed.sequence_for_elastic()),
        },
        "QRadar": {
            **{title: ("aql", query) for title, query in convert("qradar-aql-community", QRADAR, RULES).items()},
            **{title: ("aql", query) for title, query in composed.counted_by_qradar().items()},
            SEQUENCE: ("aql", composed.sequence_for_qradar()),
        },
    }


def sentinel_start():
    """The start of every query for Sentinel, without the operator of its condition."""
    return composed.sentinel_prefix().removesuffix("| where ").strip()


def never_drop():
    """RULES that keep every operation that a rule names, except notices, which no rule filters, and the forwarder's own polling.

    With ListEvents in never_drop, its own polling would be sent, and would look like that of stolen credentials.
    """
    rules = load(RULES, CORRELATIONS, SEQUENCES).rules
    values = {str(value) for item in detection_items(rules) if item.field == "eventName" for value in item.value}
    starts = {"Delete*", "Terminate*", "BatchDelete*", "BulkDelete*", "CascadeDelete*"}
    listed = sorted({name for name in values if "*" not in name and not name.startswith("Delete")} - {"HeldBack", "Seal", "ListEvents"} | starts)
    lines = [", ".join(json.dumps(name) for name in listed[index : index + 4]) for index in range(0, len(listed), 4)]
    return '{"event_filtering": {"never_drop": [\n  ' + ",\n  ".join(lines) + "\n]}}"


def query_section(title):
    blocks = []
    names = {"lucene": "Lucene", "esql": "ES|QL", "eql": "EQL"}
    for siem, found in queries().items():
        language, query = found[title]
        shown = re.sub(r"\n{2,}", "\n", query.replace(sentinel_start(), "OCIAudit"))
        label = f"{siem} ({names[language]})" if language in names else siem
        blocks.append(f"{label}:\n\n```{language}\n{shown}\n```")
    return "\n\n".join([f"<details><summary>{title}</summary>", *blocks, "</details>"])


def page():
    pinned = [line for line in DEPENDENCIES.read_text("utf-8").splitlines() if line.startswith(("sigma-cli", "pysigma-backend-"))]
    properties = sorted({name for names in mapping("leef", "qradar_leef").values() for name in names} - {"username", "sourceip"})
    return (
        TEMPLATE.read_text("utf-8")
        .replace("{command}", COMMAND)
        .replace("{rules}", rules_table())
        .replace("{fields}", field_table())
        .replace("{field_map}", (CONTENT / "field_map.json").read_text("utf-8").strip())
        .replace("{never_drop}", never_drop())
        .replace("{versions}", " ".join(line for line in pinned if "sqlite" not in line))
        .replace("{properties}", code_list(properties))
        .replace("{sentinel}", sentinel_start())
        .replace("{queries}", "\n\n".join(query_section(title) for title in CASES))
    )


def test_the_page_is_generated():
    assert DOC.read_text("utf-8") == page(), f"run {COMMAND}"


def test_the_page_shows_a_query_of_every_rule_for_every_siem():
    assert {siem: [title for title in CASES if title not in found] for siem, found in queries().items()} == {
        "Splunk": [], "Sentinel": [], "Elastic": [], "QRadar": [],
    }  # fmt: skip


def test_the_rules_of_the_page_are_valid():
    rules, warnings = read_rules("RULES", never_drop())
    assert warnings == ()
    assert "UpdateBucket" in rules.event_filtering.never_drop
    assert OWN_CALLS.isdisjoint(rules.event_filtering.never_drop)


def commands():
    return re.findall(r"^    (sigma convert .*)$", TEMPLATE.read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("command", commands())
def test_the_commands_convert_the_rules(command, monkeypatch):
    monkeypatch.chdir(CONTENT)
    arguments = shlex.split(command)[2:]
    result = CliRunner().invoke(convert_command, arguments)
    assert result.exit_code == 0, result.output
    expected = {"rules": len(load(RULES).rules), "correlations": 5}[arguments[-1]]
    assert result.stdout.count(_START[arguments[arguments.index("-t") + 1]]) == expected


_START = {
    "splunk": 'index="oci_audit"', "kusto": "CommonSecurityLog\n", "lucene": 'cef.device.product:"OCI Audit"', "esql": "from logs-cef.log-*",
    "qradar-aql-community": "SELECT ",
}  # fmt: skip


if __name__ == "__main__":
    DOC.write_text(page(), "utf-8")
