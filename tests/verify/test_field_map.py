"""``verify`` through the command line with FIELD_MAP, which may set the product and change the names of fields."""

import json
import re
from hashlib import sha256
from pathlib import Path

import pytest

from tests.cli.test_app import terminal  # noqa: F401 - a fixture

GO_PROGRAM = Path("tests/data/go_program/field_map_1.json").read_text(encoding="utf-8")
"""With a product of its own."""
DEVICE = json.dumps({"cef_vendor": "Example", "cef_product": "Cloud", "cef_version": "1.0"})
MESSAGE = '{"field_mappings": {"response.message": "msg"}}'
OTHER_CEF = b"CEF:0|Security|threatmanager|1.0|100|worm stopped|10|src=10.0.0.1 externalId=1234"


@pytest.fixture
def verified(terminal, tmp_path):  # noqa: F811
    """Runs with settings; then ``verify`` with the messages that arrived, changed by a function: exit code, export, faults, unchecked."""
    stage, run_cli = terminal

    def verified(change=None, *, runs=2, **settings):
        settings = {"SEAL_MESSAGES": "true", **settings}
        for number in range(runs):
            stage.emit(stage.world.tenancy, 4, 6 + number)
            assert run_cli("run", **settings).exit_code == 0
        lines = [change(line) if change else line for line in stage.receiver.messages]
        (tmp_path / "export.log").write_bytes(b"".join(line + b"\n" for line in lines if line))
        result = run_cli("verify", "--from", "24h", "--siem", str(tmp_path / "export.log"), "--json", **settings)
        document = json.loads(result.stdout)
        warnings = [warning for region in document["regions"] for warning in region["warnings"] if "seals" in warning]
        return result.exit_code, document["export"], document["faults"], document["unchecked"], warnings

    return verified


def without_structured_data(line):
    return re.sub(rb"\[epimetheus@32473[^\]]*\]", b"-", line, count=1)


@pytest.mark.parametrize("change", [None, without_structured_data], ids=["numbers", "event IDs"])
@pytest.mark.parametrize("field_map", [GO_PROGRAM, DEVICE, MESSAGE])
def test_messages_are_recognized_whatever_the_field_map(field_map, change, verified):
    code, export, faults, unchecked, warnings = verified(change, FIELD_MAP=field_map)
    assert (code, faults, unchecked, warnings) == (0, [], [], [])
    counts = [export[name] for name in ("present", "missing", "number_only", "unsealed", "seal_messages")]
    assert counts == [export["sealed"], 0, 0, 0, 2]


def test_leef_has_the_product_of_the_field_map(verified):
    code, export, faults, unchecked, warnings = verified(without_structured_data, FIELD_MAP=DEVICE, FORMAT="leef")
    assert (code, faults, unchecked, warnings, export["seal_messages"]) == (0, [], [], [], 2)


@pytest.mark.parametrize("format", ["json", "ocsf"])
def test_names_of_json_members_do_not_hide_a_message(format, verified):
    renamed = {"json": {"eventType": "kind"}, "ocsf": {"metadata.product": "product"}}[format]
    field_map = json.dumps({"formats": {format: {"rename": renamed}}})
    code, export, faults, unchecked, warnings = verified(FORMAT=format, FIELD_MAP=field_map)
    assert (code, faults, unchecked, warnings) == (0, [], [], [])
    assert (export["number_only"], export["seal_messages"]) == (0, 2)


def test_messages_of_other_products_are_other_lines(verified):
    code, export, *_ = verified(lambda line: line + b"\n" + OTHER_CEF, FIELD_MAP=DEVICE)
    assert (code, export["unsealed"]) == (0, 0)
    assert export["other_lines"] >= 2


@pytest.mark.parametrize("lines", [OTHER_CEF, b"", b"other"])
def test_an_export_without_a_message_of_epimetheus_is_not_compared(lines, verified):
    code, export, faults, unchecked, _ = verified(lambda _: lines)
    assert (code, export, faults) == (2, None, [])
    assert any("none has a message of Epimetheus" in sentence or "is empty" in sentence for sentence in unchecked)


@pytest.mark.parametrize(("format", "section"), [
    ("cef", None),
    ("cef", {"omit": ["msg"], "rename": {"externalId": "eventId"}}),
    ("leef", {"omit": ["msg"], "rename": {"eventId": "id"}}),
    ("json", {"omit": ["data.message"], "rename": {"eventId": "id2"}}),
    ("ocsf", {"omit": ["message"], "rename": {"metadata.uid": "id2"}}),
])  # fmt: skip
def test_a_field_map_does_not_change_the_message_of_a_seal(format, section, terminal):  # noqa: F811
    stage, run_cli = terminal
    stage.emit(stage.world.tenancy, 2, 5)
    field_map = MESSAGE if section is None else json.dumps({"formats": {format: section}})
    assert run_cli("run", FORMAT=format, FIELD_MAP=field_map, SEAL_MESSAGES="true").exit_code == 0
    [stored] = [path for path in Path(f"{stage.environment['STATE_FILE']}.seals").rglob("*") if path.is_file()]
    [seal] = [line for line in stage.receiver.messages if b"epimetheus.Seal" in line]
    digest = sha256(stored.read_bytes()).hexdigest().encode()
    assert digest in seal
    assert b"seal-us-ashburn-1-1-" + digest[:16] in seal
