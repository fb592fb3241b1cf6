"""OCI's clock minus ours, from the dates of its answers; and what is done about it."""

from datetime import UTC, datetime
from email.utils import formatdate

import pytest
from oci.identity import IdentityClient
from oci.object_storage import ObjectStorageClient

from epimetheus.clock import Clock, Deadline
from epimetheus.config.settings import Settings
from epimetheus.errors import ClockError
from epimetheus.model import Window
from epimetheus.oci_client.clients import make_client, sign_in
from epimetheus.oci_client.clock_offset import ClockOffset, by_oci, corrected_now
from epimetheus.testing.oci import World, backend, mock_oci, serve
from epimetheus.wiring import Wiring
from tests.support.hand import NOON


def noted(*answers):
    offset = ClockOffset()
    for answer in answers:
        offset.note(*answer)
    return offset.seconds()


def date(seconds):
    return formatdate(seconds, usegmt=True)


def test_without_a_date_nothing_is_known():
    assert noted() is None


@pytest.mark.parametrize("garbage", [None, "", "soon", "0", "Thu, 99 Jan 2026 12:00:00 GMT", "1 Jan 99999 12:00:00 GMT", "x" * 9999, "\0"])
def test_what_is_no_date_is_ignored(garbage):
    assert noted((garbage, NOON, NOON + 1)) is None


def test_a_clock_that_was_set_back_during_the_request_tells_nothing():
    assert noted((date(NOON), NOON, NOON - 1)) is None


@pytest.mark.parametrize("ahead", [0, 240, -240, 3600])
def test_the_offset_is_measured_to_half_a_second_and_half_of_the_exchange(ahead):
    moment = NOON + 0.5  # when the answer was written, by OCI's clock, which says NOON
    assert noted((date(moment), moment + ahead - 0.1, moment + ahead + 0.1)) == pytest.approx(-ahead, abs=1e-6)
    for late in (0.0, 0.3, 0.999):
        moment = NOON + late
        assert noted((date(moment), moment + ahead - 2, moment + ahead)) == pytest.approx(-ahead, abs=1.5)


def test_the_quickest_answer_counts():
    slow, quick = (date(NOON), NOON + 230, NOON + 250), (date(NOON), NOON + 240.4, NOON + 240.6)
    assert noted(slow, quick) == noted(quick, slow) == pytest.approx(-240, abs=1e-6)


def test_a_clock_that_is_set_meanwhile_is_noticed():
    ahead, right = (date(NOON), NOON + 240.4, NOON + 240.6), (date(NOON + 60), NOON + 60, NOON + 61)
    assert noted(ahead, right) == pytest.approx(0, abs=1)


@pytest.mark.parametrize(
    ("offset", "now", "warned"),
    [
        (None, NOON, None),
        (0.9, NOON, None),
        (-5.0, NOON - 5, None),
        (60.0, NOON + 60, None),
        (-61.0, NOON - 61, "This machine's clock is 61 s ahead of OCI's: times are corrected by OCI's clock."),
        (300.0, NOON + 300, "This machine's clock is 300 s behind OCI's: times are corrected by OCI's clock."),
    ],
)
def test_time_is_corrected_and_above_a_minute_that_is_a_warning(offset, now, warned):
    corrected, warning = corrected_now(NOON, offset)
    assert corrected == by_oci(NOON, offset) == now
    assert warning is None if warned is None else warning.startswith(warned)


@pytest.mark.parametrize(("offset", "said"), [(-301.0, "301 s ahead of OCI's"), (86_400.0, "86400 s behind OCI's")])
def test_above_the_tolerance_nothing_runs(offset, said):
    with pytest.raises(ClockError, match=f"The clock cannot be used: this machine's clock is {said}; at most 300 s") as caught:
        corrected_now(NOON, offset)
    assert caught.value.kind == "clock"
    assert "NTP" in caught.value.do


def test_every_service_tells_the_time(tmp_path, api_key):
    """Each client that the wiring makes notes the date, Audit's too; an answer without OCI's request id is a proxy's, and is not noted."""
    world = World(now=lambda: NOON + 240, api_key=api_key)
    clock = Clock(now=lambda: NOON + 0.5)
    settings = Settings.read({"SYSLOG_HOST": "siem", "STATE_BUCKET": "b", "OCI_CONFIG_FILE": str(world.credentials(tmp_path))})

    def workshop():
        return Wiring.open(settings, clock, Deadline.after(clock, 60))

    asked = {
        "identity": lambda shop: shop.oci.client(IdentityClient, 5).list_region_subscriptions(world.tenancy),
        "object storage": lambda shop: shop.oci.client(ObjectStorageClient, 5).get_namespace(),
        "audit": lambda shop: next(shop.oci.audit("us-ashburn-1").pages(world.tenancy, Window(0, 1), None, shop.deadline)),
    }
    with mock_oci(world):
        for call in asked.values():
            shop = workshop()
            call(shop)
            assert shop.clock_offset.seconds() == pytest.approx(240, abs=0.5)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(backend, "_stamp", lambda world, request, answer: answer.headers.update(date=date(0)))
            shop = workshop()
            asked["object storage"](shop)
            assert shop.clock_offset.seconds() is None


def test_a_run_is_given_the_offset(tmp_path, api_key):
    world = World(now=lambda: NOON - 240, api_key=api_key)
    world.bucket("b")
    environment = {"SYSLOG_HOST": "siem", "SYSLOG_TRANSPORT": "tcp", "STATE_BUCKET": "b"}
    settings = Settings.read({**environment, "OCI_CONFIG_FILE": str(world.credentials(tmp_path))})
    clock = Clock(now=lambda: NOON + 0.5)
    with mock_oci(world):
        shop = Wiring.open(settings, clock, Deadline.after(clock, 60))
        ports = shop.ports("us-ashburn-1", "r1", shop.deadline, observer=None)
        assert ports.session.peek() is None
        assert ports.clock_offset() == pytest.approx(-240, abs=0.5)
    assert corrected_now(clock.now(), ports.clock_offset())[0] == pytest.approx(NOON - 240, abs=1)


def test_the_stand_in_says_the_time_of_its_world(tmp_path, api_key):
    world = World(now=lambda: NOON, api_key=api_key)
    credentials = sign_in("config_file", str(world.credentials(tmp_path)), "DEFAULT")
    with serve(world) as served:
        client = make_client(ObjectStorageClient, credentials, region="us-ashburn-1", endpoint=served.url, seconds=5)
        assert client.get_namespace().headers["date"] == datetime.fromtimestamp(NOON, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
