"""Messages of problems: what each format says, valid by third-party parsers, without secrets, within the size limit."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epimetheus.config.field_map import read_field_map
from epimetheus.config.go_fields import PROBLEM_CEF_SOURCES
from epimetheus.model import time_text
from epimetheus.render.formats.base import Enrichment
from epimetheus.render.problems.renderer import ProblemRenderer
from epimetheus.render.renderer import Renderer
from epimetheus.run.notice_event import NoticeSource, notice_event
from tests.render.formats.test_raw_json import TREES
from tests.render.helpers import (
    FORMATS,
    FORMATS_AND_HEADERS,
    OCSF,
    SETTINGS,
    TEXTS,
    fetched,
    parts,
    read_by_cefp,
    read_by_vector,
    read_leef,
)
from tests.render.ocsf_schema import validate_by_all
from tests.render.problems.helpers import PROBLEM, body, event, render
from tests.render.problems.test_golden import EVENTS, PROBLEMS


def ocsf(raw, **settings):
    read = json.loads(body(raw, format="ocsf", **settings))
    OCSF.validate(read)
    return read


def severity_of(raw, **settings):
    return int(body(raw, format="cef", **settings).split("|")[6])


@pytest.mark.parametrize(
    ("risk", "severity", "severity_id"),
    [("CRITICAL", 10, 5), ("HIGH", 8, 4), ("MEDIUM", 6, 3), ("LOW", 4, 2), ("MINOR", 2, 1), ("ODD", 5, 3), (None, 5, 3)],
)
def test_the_severity_is_by_risk(risk, severity, severity_id):
    raw = event(riskLevel=risk)
    assert (severity_of(raw), ocsf(raw)["severity_id"]) == (severity, severity_id)
    assert json.loads(body(raw, format="json"))["epimetheus"]["severity"] == severity
    assert f"^sev={severity}^" in body(raw, format="leef")


def test_rules_and_the_tamper_watch_decide_before_the_risk():
    raw = event(riskLevel="LOW")
    assert severity_of(raw, severities=(("CloudGuardProblem.BUCKET_*", 1),)) == 1
    assert ocsf(raw, severities=(("CloudGuardProblem.BUCKET_*", 10),))["severity_id"] == 5
    message = render(raw, enrichment=Enrichment(watched=True)).message.decode()
    assert "|9|rt=" in message
    assert "OracleOCIAuditTamperWatch=true" in message


@pytest.mark.parametrize(
    ("activity", "detail", "activity_id", "status_id"),
    [
        ("create", "OPEN", 1, 1),
        ("update", "OPEN", 2, 1),
        ("close", "DISMISSED", 3, 3),
        ("close", "RESOLVED", 3, 4),
        ("close", "DELETED", 3, 5),
    ],
)
def test_a_finding_is_created_updated_and_closed(activity, detail, activity_id, status_id):
    read = ocsf(event(activity, lifecycleDetail=detail))
    assert (read["class_uid"], read["activity_id"], read["status_id"]) == (2004, activity_id, status_id)
    assert read["type_uid"] == 200400 + activity_id
    assert read["finding_info"]["uid"] == read["metadata"]["uid"] == PROBLEM["id"]


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_has_what_an_analyst_needs(form):
    text = render(event(), enrichment=Enrichment("root/prod"), format=form).message.decode()
    for name in ("id", "detectorRuleId", "compartmentId", "resourceId", "resourceName", "detectorId", "recommendation", "description"):
        assert PROBLEM[name] in text, name
    assert "root/prod" in text
    assert " problem [epimetheus@32473 " in text


@pytest.mark.parametrize("name", EVENTS)
@pytest.mark.parametrize("max_bytes", [0, 8000, 1500])
def test_findings_are_valid_by_every_version_of_the_schema(name, max_bytes):
    validate_by_all(ocsf((PROBLEMS / "events" / f"{name}.json").read_bytes(), max_bytes=max_bytes))


@pytest.mark.parametrize("form", FORMATS)
def test_secrets_are_masked(form):
    raw = (PROBLEMS / "events" / "secrets.json").read_bytes()
    rendered = render(raw, format=form)
    for secret in (b"Tr0ub4dor", b"hunter2-is-not-safe", b"abcdefghijklmnop", b"aa:bb"):
        assert secret not in rendered.message
    assert rendered.redacted


@pytest.mark.parametrize("form", FORMATS)
def test_redact_names_members_of_a_problem(form):
    redact = ("data.resourceName", "data.additionalDetails.IP Address")
    message = render(event(additionalDetails={"IP Address": "198.51.100.7"}), format=form, redact=redact).message
    assert b"invoices" not in message
    assert b"198.51.100.7" not in message


@pytest.mark.parametrize(("form", "header"), FORMATS_AND_HEADERS)
@pytest.mark.parametrize("max_bytes", [480, 800, 1500, 4000])
def test_a_message_keeps_to_its_size(form, header, max_bytes):
    raw = event(additionalDetails={f"key {n}": "v" * 50 for n in range(100)}, description="d" * 3000, recommendation="r" * 3000)
    rendered = render(raw, format=form, header=header, max_bytes=max_bytes)
    assert len(rendered.message) <= max_bytes
    assert rendered.trimmed
    parts(rendered.message)


@pytest.mark.parametrize("form", FORMATS)
def test_an_enormous_problem_is_abridged(form):
    rendered = render(event(description="d" * 2_000_000), format=form, max_bytes=8000)
    assert rendered.abridged
    assert b"CloudGuardProblem.BUCKET_IS_PUBLIC" in rendered.message


def test_notices_are_those_of_any_run():
    source = NoticeSource("run-1", "cloud-guard", "ocid1.tenancy.oc1..t", 1772528400.0)
    notice = notice_event(source, "Seal", "A seal.", {})
    assert ProblemRenderer(**SETTINGS).render_notice(notice, 3) == Renderer(**SETTINGS).render_notice(notice, 3)
    assert time_text(1772528400.0)[:10].encode() in ProblemRenderer(**SETTINGS).render_notice(notice, 3).message


NAMES = (*PROBLEM, "labels", "regions", "riskScore", "additionalDetails", "comment")
MEMBERS = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, TREES | TEXTS))


@given(MEMBERS, TEXTS)
def test_no_problem_breaks_a_format(members, rule):
    raw = {"eventType": f"CloudGuardProblem.{rule}", "activity": "create", "data": {**PROBLEM, **members}}
    if fetched(raw).event is None:
        return
    line = body(raw, format="cef")
    assert read_by_cefp(line)[0] == read_by_vector(line)[0]
    assert read_leef(body(raw, format="leef"))[0][:2] == ("Oracle", "OCI Cloud Guard")
    json.loads(body(raw, format="json"))
    ocsf(raw)


def test_names_of_the_go_programs_file_are_those_of_the_messages():
    """`PROBLEM_CEF_SOURCES` says which key has which value, to report what a renamed field replaces."""
    raw = event(**{name.removeprefix("data."): f"value of {name}" for name in PROBLEM_CEF_SOURCES.values() if name})
    sent = read_by_cefp(body({**raw, "eventTime": PROBLEM["timeLastDetected"]}))[1]
    untyped = {key: path for key, path in PROBLEM_CEF_SOURCES.items() if path and key not in ("rt", "start", "cfp1", "externalId")}
    assert {key: sent[key] for key in untyped} == {key: f"value of {path}" for key, path in untyped.items()}
    assert {key for key in sent if not key.endswith("Label") and not key.startswith("Oracle")} <= PROBLEM_CEF_SOURCES.keys()


def test_the_go_programs_file_names_fields_of_problems():
    text = json.dumps({"service_mappings": {"cloudguard": {"field_mappings": {"problemType": "cs2", "resourceName": "dhost"}}}})
    fields = read_field_map("FIELD_MAP", text)[0].problem_fields
    sent = read_by_cefp(body(event(), fields=fields))[1]
    assert (sent["cs2"], sent["cs2Label"], sent["dhost"]) == ("BUCKET_IS_PUBLIC", "detectorRuleId", "invoices")
    assert sent["cs5"] == PROBLEM["recommendation"]
