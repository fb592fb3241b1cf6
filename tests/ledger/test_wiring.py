"""Where the settings put the ledger of each region, with the wiring of the function and the real SDK."""

import pytest

from epimetheus.clock import SYSTEM, Deadline
from epimetheus.config.settings import Settings
from epimetheus.oci_client.clients import Calls
from epimetheus.wiring.wiring import Wiring
from tests.ledger.samples import ENTRY, IN_ORDER, USUAL, appended

NAME = "2026/11/30/20261130T0645Z-20261130T0100Z-29401234-ab12cd34ef56-0001-poll"


@pytest.fixture
def ledger_of(stage):
    """Makes the ledger of a region, for changed settings (None: not set)."""

    def make(region, calls=None, **changes):
        environment = {key: value for key, value in {**stage.environment, **changes}.items() if value is not None}
        deadline = Deadline.after(SYSTEM, 60)
        return Wiring.open(Settings.read(environment), SYSTEM, deadline).ledger.ledger(region, deadline, calls)

    return make


@pytest.mark.parametrize(
    ("changes", "bucket", "prefix"),
    [
        ({}, "audit-state", "epimetheus/ledger/eu-frankfurt-1/"),
        ({"STATE_PREFIX": "our/"}, "audit-state", "our/ledger/eu-frankfurt-1/"),
        ({"LEDGER_BUCKET": "other"}, "other", "epimetheus/ledger/eu-frankfurt-1/"),
    ],
)
def test_the_ledger_is_in_the_bucket_under_the_prefix_and_the_region(stage, ledger_of, changes, bucket, prefix):
    stage.world.bucket("other")
    calls = Calls()
    ledger = ledger_of("eu-frankfurt-1", calls, **changes)
    assert ledger.name == f"oci://{bucket}@axexample/{prefix}"
    name = appended(ledger, ENTRY)
    assert list(stage.world.objects(bucket)) == [prefix + NAME]
    assert ledger.overlapping(USUAL) == [name]
    assert ledger.read(name) == IN_ORDER
    assert calls.counts() == {"object_storage": {"requests": 3, "retries": 0, "throttled": 0}}
    assert ledger_of("us-ashburn-1", **changes).overlapping(USUAL) == []


@pytest.mark.parametrize(("region", "folder"), [("us-ashburn-1", "state.ledger"), ("eu-frankfurt-1", "state.eu-frankfurt-1.ledger")])
def test_beside_a_state_file_the_ledger_is_in_a_folder(stage, ledger_of, tmp_path, region, folder):
    ledger = ledger_of(region, STATE_BUCKET=None, STATE_FILE=str(tmp_path / "state"))
    assert ledger.name == f"{tmp_path}/{folder}/"
    appended(ledger, ENTRY)
    assert (tmp_path / folder / NAME).is_file()
    assert stage.world.requests == []


def test_neither_writing_nor_reading_needs_permission_to_overwrite_or_delete(stage, ledger_of):
    stage.world.forbid_objects("audit-state", "overwrite", "delete")
    ledger = ledger_of("us-ashburn-1")
    name = appended(ledger, ENTRY)
    assert appended(ledger, ENTRY) == name
    assert ledger.read(ledger.overlapping(USUAL)[0]) == IN_ORDER
