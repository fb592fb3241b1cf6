"""Two deployments in one region, each with a chain of its own, whose messages are in one SIEM."""

import pytest

from tests.cli.test_app import terminal  # noqa: F401 - a fixture
from tests.verify.sealed_region import SealedRegion, usual
from tests.verify.test_verify import export  # noqa: F401 - a fixture


def other(runs, **settings):
    """A deployment with so many runs, whose names no record of `usual` has."""
    region = SealedRegion(prefix="other-", **settings)
    for number in range(runs):
        region.run(f"other-{number}", [f"o{number}"] if number % 2 else [])
    return region


@pytest.mark.parametrize(("runs", "hostname"), [(3, None), (3, "other"), (9, "other")])
@pytest.mark.parametrize("form", ["cef", "leef", "json", "ocsf"])
def test_the_seals_of_another_deployment_are_no_fault(form, runs, hostname, export):  # noqa: F811
    region, second = usual(format=form), other(runs, format=form, hostname=hostname)
    result = region.verify(export([*second.lines, *region.lines]))
    assert (result.verdict, result.faults, result.unchecked) == ("complete", [], [])
    assert (result.export.foreign_seals, result.export.seal_messages) == (runs, 5 + runs)


def test_without_runs_the_message_of_each_stored_seal_suffices(export):  # noqa: F811
    region, second = usual(header="rfc3164"), other(5, header="rfc3164")
    result = region.verify(export([*second.lines, *region.lines]))
    assert (result.faults, result.export.foreign_seals) == ([], 5)


def test_seals_that_may_have_been_removed_are_not_checked(export):  # noqa: F811
    """The numbers 6 to 9 may be those of this chain: someone may have removed the seals and the entries of their runs."""
    region, second = usual(), other(9)
    result = region.verify(export([*second.lines, *region.lines]))
    assert (result.verdict, result.faults, result.export.foreign_seals) == ("unchecked", [], 5)
    assert result.unchecked == [
        "eu-frankfurt-1: 4 messages of seals in the export, the first of which is that of seal 6, are of another deployment, or of seals"
        " that were removed: no record names the run. If there is another deployment, set another SYSLOG_HOSTNAME there."
    ]


def test_the_messages_of_another_deployment_do_not_vouch_for_a_chain(export):  # noqa: F811
    """Whoever replaces all seals, with their runs, has no messages of them in the SIEM."""
    region, second = usual(), other(5, hostname="other")
    lines = [line for line in region.lines if b"seal-eu-" not in line]
    result = region.verify(export([*second.lines, *lines]))
    assert [(fault.kind, fault.seals) for fault in result.faults] == [("seal_message_missing", (1, 5))]
    assert len(result.unchecked) == 1


def test_a_removed_or_altered_message_is_a_fault_beside_another_deployment(export):  # noqa: F811
    region, second = usual(), other(3)
    lines = [line for line in region.lines if b"seal-eu-frankfurt-1-2-" not in line]
    result = region.verify(export([*second.lines, *lines]))
    assert [(fault.kind, fault.seals) for fault in result.faults] == [("seal_message_missing", (2, 2))]
    digits = region.digest(3)[:16].encode()
    result = region.verify(export([*second.lines, *(line.replace(digits, digits[::-1]) for line in region.lines)]))
    assert [(fault.kind, fault.seals) for fault in result.faults] == [("seal_message_differs", (4, 4))]


def test_two_functions_with_a_part_of_the_compartments_each(terminal, tmp_path):  # noqa: F811
    """As docs/scale.md says, each with its own state, through the command."""
    stage, run_cli = terminal
    second = stage.world.add_compartment("second")
    sides = [
        {"COMPARTMENT_MODE": "exclude", "STATE_FILE": str(tmp_path / "first")},
        {"COMPARTMENT_MODE": "include", "STATE_FILE": str(tmp_path / "second"), "SYSLOG_HOSTNAME": "second"},
    ]
    for minute in range(6, 9):
        stage.emit(stage.world.tenancy, 2, minute)
        stage.emit(second, 3, minute)
        for side in sides[: 1 if minute == 8 else 2]:
            assert run_cli("run", SEAL_MESSAGES="true", COMPARTMENT_IDS=second, **side).exit_code == 0
    (tmp_path / "export.log").write_bytes(b"".join(line + b"\n" for line in stage.receiver.messages))
    for side, foreign in zip(sides, (2, 3), strict=True):
        command = ("verify", "--from", "24h", "--siem", str(tmp_path / "export.log"))
        result = run_cli(*command, COMPARTMENT_IDS=second, **side)
        assert result.exit_code == 0, result.output
        assert f"{foreign} messages of seals of other deployments" in result.output
