"""docs/cloud-guard.md: ``python -m tests.docs.test_cloud_guard_doc`` writes its table of fields from rendered messages."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from epimetheus.oci_client.policies import Policies
from epimetheus.render.event_time import parse_event_time
from epimetheus.run.problems import HORIZON_DAYS
from tests.render.helpers import read_by_cefp, read_leef
from tests.render.problems.helpers import body
from tests.render.problems.test_golden import PROBLEMS

DOC = Path(__file__).parents[2] / "docs" / "cloud-guard.md"
_TABLE = re.compile(r"^(?:MAPPING|\| problem \|.*?)(?=\n\n)", re.MULTILINE | re.DOTALL)
LAST = "2026-03-03T09:14:12.000Z"
MEMBERS = (
    "id", "detectorRuleId", "riskLevel", "riskScore", "lifecycleDetail", "description", "recommendation", "detectorId", "resourceId",
    "resourceName", "resourceType", "impactedResourceId", "compartmentId", "regions", "labels", "targetId", "additionalDetails", "comment",
    "timeFirstDetected", "timeLastDetected",
)  # fmt: skip


def leaves(tree: object, path: str = "") -> Iterator[tuple[str, object]]:
    """The path and value of everything in a tree, containers included."""
    yield path, tree
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from leaves(value, f"{path}.{key}".removeprefix("."))
    elif isinstance(tree, list):
        for item in tree:
            yield from leaves(item, f"{path}[]") if isinstance(item, dict) else ()


def event() -> dict[str, Any]:
    """A problem whose members all differ."""
    raw = json.loads((PROBLEMS / "events" / "dismissed.json").read_bytes())
    return {**raw, "eventTime": LAST, "activity": "update", "data": {**raw["data"], "timeLastDetected": LAST}}


def texts(value: object) -> set[str]:
    """The forms in which a format may have a value."""
    plain = ",".join(value) if isinstance(value, list) else str(value)
    found = {plain, plain.replace("|", "?").replace("\n", " "), json.dumps(value, ensure_ascii=False, separators=(",", ":"))}
    time = parse_event_time(plain)
    return found | ({str(time.millis), time.text.replace("Z", "+0000")} if time else set())


def mapping() -> str:
    """The table: where each format has each member of a problem."""
    raw = event()
    cef_line, leef_line = body(raw, format="cef"), body(raw, format="leef")
    cef, leef, ocsf = read_by_cefp(cef_line)[1], read_leef(leef_line)[1], json.loads(body(raw, format="ocsf"))
    labels = {key.removesuffix("Label"): f" ({label})" for key, label in cef.items() if key.endswith("Label")}
    rows = ["| problem | CEF | LEEF | OCSF |", "|---|---|---|---|"]
    for name in MEMBERS:
        value, forms = raw["data"][name], texts(raw["data"][name])
        in_cef = [f"`{key}`{labels.get(key, '')}" for key, text in cef.items() if str(text) in forms and not key.endswith("Label")]
        in_leef = [f"`{key}`" for key, text in leef.items() if text in forms]
        in_cef = in_cef or ["header"] * (f"|{value}|" in cef_line)
        in_leef = in_leef or ["header"] * (f".{value}|" in leef_line)
        paths = [path for path, one in leaves(ocsf) if one == value or str(one) in forms]
        in_ocsf = [f"`{path}`" for path in dict.fromkeys(paths) if len(paths) == 1 or not path.startswith(("unmapped", "metadata.original"))]
        rows.append(f"| `{name}` | {', '.join(in_cef) or '-'} | {', '.join(in_leef) or '-'} | {', '.join(in_ocsf)} |")
    return "\n".join(rows)


def test_the_table_shows_where_each_format_has_each_field():
    assert _TABLE.findall(DOC.read_text("utf-8")) == [mapping()], "run python -m tests.docs.test_cloud_guard_doc"


def test_the_page_names_the_policies_and_the_horizon():
    page = DOC.read_text("utf-8")
    assert f"{Policies().cloud_guard_config}\n{Policies().cloud_guard_problems}" in page
    assert set(re.findall(r"(\d+) days", page)) == {str(HORIZON_DAYS)}


if __name__ == "__main__":
    DOC.write_text(_TABLE.sub(lambda _: mapping(), DOC.read_text("utf-8")), "utf-8")
