"""The offset of the local clock from the dates of OCI's responses, and its correction."""

from datetime import UTC, datetime
from email.utils import formatdate

import pytest
from oci.object_storage import ObjectStorageClient

from epimetheus.clock import Clock, Deadline
from epimetheus.config.settings import Settings
from epimetheus.errors import ClockError
from epimetheus.model import Window
from epimetheus.oci_client.clients import make_client, sign_in
from epimetheus.oci_client.clock_offset import ClockOffset, corrected_now, to_oci_time
from epimetheus.source.identity import IdentityClient, subscribed_regions
from epimetheus.testing.oci import World, backend, mock_oci, serve
from epimetheus.wiring.wiring import Wiring
from tests.support.hand import NOON


def measured(*responses):
    offset = ClockOffset()
    for response in responses:
        offset.record(*response)
    return offset.seconds()


def date(seconds):
    return formatdate(seconds, usegmt=True)


def test_without_a_date_there_is_no_offset():
    assert measured() is None


@pytest.mark.parametrize("garbage", [None, "", "soon", "0", "Thu, 99 Jan 2026 12:00:00 GMT", "1 Jan 99999 12:00:00 GMT", "x" * 9999, "\0"])
def test_an_invalid_date_is_ignored(garbage):
    assert measured((garbage, NOON, NOON + 1)) is None


def test_a_request_during_which_the_clock_was_set_back_is_ignored():
    assert measured((date(NOON), NOON, NOON - 1)) is None


@pytest.mark.parametrize("ahead", [0, 240, -240, 3600])
def test_the_error_is_half_a_second_plus_half_of_the_request(ahead):
    moment = NOON + 0.5  # when OCI wrote the response; its Date header is NOON
    assert measured((date(moment), moment + ahead - 0.1, moment + ahead + 0.1)) == pytest.approx(-ahead, abs=1e-6)
    for late in (0.0, 0.3, 0.999):
        moment = NOON + late
        assert measured((date(moment), moment + ahead - 2, moment + ahead)) == pytest.approx(-ahead, abs=1.5)


def test_the_fastest_response_counts():
    slow, quick = (date(NOON), NOON + 230, NOON + 250), (date(NOON), NOON + 240.4, NOON + 240.6)
    assert measured(slow, quick) == measured(quick, slow) == pytest.approx(-240, abs=1e-6)


def test_a_clock_that_is_set_in_between_is_detected():
    ahead, correct = (date(NOON), NOON + 240.4, NOON + 240.6), (date(NOON + 60), NOON + 60, NOON + 61)
    assert measured(ahead, correct) == pytest.approx(0, abs=1)


@pytest.mark.parametrize(
    ("offset", "now", "expected"),
    [
        (None, NOON, None),
        (0.9, NOON, None),
        (-5.0, NOON - 5, None),
        (60.0, NOON + 60, None),
        (-61.0, NOON - 61, "This machine's clock is 61 s ahead of OCI's: times are corrected to OCI's clock."),
        (300.0, NOON + 300, "This machine's clock is 300 s behind OCI's: times are corrected to OCI's clock."),
    ],
)
def test_time_is_corrected_with_a_warning_above_a_minute(offset, now, expected):
    corrected, warning = corrected_now(NOON, offset)
    assert corrected == to_oci_time(NOON, offset) == now
    assert warning is None if expected is None else warning.startswith(expected)


@pytest.mark.parametrize(("offset", "difference"), [(-301.0, "301 s ahead of OCI's"), (86_400.0, "86400 s behind OCI's")])
def test_above_five_minutes_a_run_fails(offset, difference):
    with pytest.raises(ClockError, match=f"The clock cannot be used: this machine's clock is {difference}; at most 300 s") as caught:
        corrected_now(NOON, offset)
    assert caught.value.kind == "clock"
    assert "NTP" in caught.value.do


def test_every_service_provides_the_offset(tmp_path, api_key):
    """Every client of the wiring records the date, including Audit's; a response without OCI's request ID is a proxy's and is ignored."""
    world = World(now=lambda: NOON + 240, api_key=api_key)
    clock = Clock(now=lambda: NOON + 0.5)
    settings = Settings.read({"SYSLOG_HOST": "siem", "STATE_BUCKET": "b", "OCI_CONFIG_FILE": str(world.credentials(tmp_path))})

    def wiring():
        return Wiring.open(settings, clock, Deadline.after(clock, 60))

    calls = {
        "identity": lambda opened: subscribed_regions(opened.oci.client(IdentityClient, 5), world.tenancy),
        "object storage": lambda opened: opened.oci.client(ObjectStorageClient, 5).get_namespace(),
        "audit": lambda opened: next(opened.oci.audit("us-ashburn-1").pages(world.tenancy, Window(0, 1), None, opened.deadline)),
    }
    with mock_oci(world):
        for call in calls.values():
            opened = wiring()
            call(opened)
            assert opened.clock_offset.seconds() == pytest.approx(240, abs=0.5)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(backend, "_add_headers", lambda world, request, response: response.headers.update(date=date(0)))
            opened = wiring()
            calls["object storage"](opened)
            assert opened.clock_offset.seconds() is None


def test_a_run_receives_the_offset(tmp_path, api_key):
    world = World(now=lambda: NOON - 240, api_key=api_key)
    world.bucket("b")
    environment = {"SYSLOG_HOST": "siem", "SYSLOG_TRANSPORT": "tcp", "STATE_BUCKET": "b"}
    settings = Settings.read({**environment, "OCI_CONFIG_FILE": str(world.credentials(tmp_path))})
    clock = Clock(now=lambda: NOON + 0.5)
    with mock_oci(world):
        opened = Wiring.open(settings, clock, Deadline.after(clock, 60))
        ports = opened.ports("us-ashburn-1", "r1", opened.deadline, observer=None, source=None)
        assert ports.session.peek() is None
        assert ports.clock_offset() == pytest.approx(-240, abs=0.5)
    assert corrected_now(clock.now(), ports.clock_offset())[0] == pytest.approx(NOON - 240, abs=1)


def test_the_stand_in_sends_the_date_of_its_world(tmp_path, api_key):
    world = World(now=lambda: NOON, api_key=api_key)
    credentials = sign_in("config_file", str(world.credentials(tmp_path)), "DEFAULT")
    with serve(world) as served:
        client = make_client(ObjectStorageClient, credentials, region="us-ashburn-1", endpoint=served.url, seconds=5)
        assert client.get_namespace().headers["date"] == datetime.fromtimestamp(NOON, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
