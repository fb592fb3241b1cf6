"""The exit codes of every command: the table in docs/cli.md."""

from collections.abc import Mapping

_REPORTS = {0: "`ok` or `skipped`", 1: "`partial`: some compartments are behind or were not read", 2: "`failed`, or an error"}
_LOGGED = {0: "last run `ok` or `skipped`", 1: "last run `partial`, or no run found", 2: "last run `failed`, or an error"}
_DONE = {0: "done", 2: "an error"}
_CONFIRMED = {0: "done", 1: "not confirmed", 2: "an error"}

EXIT_CODES: Mapping[str, Mapping[int, str]] = {
    "validate": {0: "the settings are valid", 2: "an error in the settings"},
    "health": {0: "`healthy`", 1: "`degraded`", 2: "`unhealthy`, or an error"},
    "run": _REPORTS,
    "runs": _LOGGED,
    "runs show": _LOGGED,
    "runs html": {0: "done", 1: "no run found (the page is written), or not confirmed", 2: "an error"},
    "rules preview": {0: "every compartment was read", 1: "some compartments were not read", 2: "an error"},
    "render": {0: "every event is valid", 1: "some events are malformed", 2: "an error"},
    "replay": _REPORTS | {1: "`partial`, or not confirmed"},
    "reconcile": _REPORTS,
    "state show": _DONE,
    "state import": _CONFIRMED,
    "state rewind": _CONFIRMED,
    "state reset": _CONFIRMED,
    "state adopt": _CONFIRMED,
    "state unlock": _CONFIRMED,
    "state own-address": _CONFIRMED,
    "seal keygen": _DONE,
    "seal public-key": _DONE,
    "seal list": {0: "done", 1: "a seal is damaged or missing", 2: "an error"},
    "seal show": {0: "done", 1: "its signature is not that of `SEAL_KEY`", 2: "an error"},
    "verify": {0: "complete", 1: "something is missing or invalid", 2: "a part could not be checked, or an error"},
    "demo": {0: "every event arrived", 1: "events are missing", 2: "an error"},
}
"""Command → code → meaning. With several regions, the worst status determines the code. tests/cli/test_every_command.py plays each."""
