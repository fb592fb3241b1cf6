"""Delivery to rsyslog and syslog-ng: every confirmed message is in the receiver's file, and rejections are reported."""

import os
import re
import signal
import ssl
from pathlib import Path

import pytest

from epimetheus.clock import SYSTEM, Deadline
from epimetheus.deliver import Dialer, ReceiverEndpoint, StreamSender, framer, tls_context
from epimetheus.errors import DeliveryUncertain, ReceiverError, ReceiverUntrusted
from epimetheus.testing.syslog import Authority, parse_message
from tests.support.budget import budget
from tests.support.numbered import complete_numbers, numbered_messages
from tests.support.receivers import KINDS, PART, missing, real_receiver

pytestmark = pytest.mark.skipif(bool(missing()) and "CI" not in os.environ, reason=missing() or "installed")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


def delivery(receiver, version=ssl.TLSVersion.TLSv1_3, client=None, confirm_delay=0.2, timeout=5.0, **more):
    texts = (client.cert.read_text(), client.key.read_text()) if client else (None, None)
    context = tls_context(receiver.authority.ca_pem, *texts)
    context.maximum_version = version
    endpoint = ReceiverEndpoint("127.0.0.1", receiver.port, "localhost", context, timeout, **more)
    deadline = Deadline.after(SYSTEM, 60)
    return StreamSender(Dialer(endpoint, deadline), confirm_delay_seconds=confirm_delay, deadline=deadline)


def send(delivery, receiver, start, end, batch=200):
    frame = framer(receiver.framing)
    for at in range(start, end, batch):
        count = min(batch, end - at)
        delivery.write(b"".join(map(frame, numbered_messages(at, at + count))), count)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
@pytest.mark.parametrize("kind", KINDS)
def test_confirmed_messages_are_in_the_file_complete_and_in_order(kind, version, tmp_path, authority):
    with real_receiver(kind, tmp_path, authority) as receiver:
        sender = delivery(receiver, version)
        send(sender, receiver, 0, 12_000)
        sender.finish()
        assert (sender.sent, sender.confirmed) == (12_000, 12_000)
        assert receiver.lines() == [message.decode() for message in numbered_messages(0, 12_000)]
        assert sender.confirmation == ("tcp_fin" if kind == "rsyslog gtls" else "tls_close_notify")
        sender.drop()


GOLDEN = sorted((Path(__file__).parents[1] / "golden").glob("*.rfc5424"))


@pytest.mark.parametrize("kind", ["rsyslog ossl", "syslog-ng syslog", "syslog-ng network"])
def test_every_part_of_a_message_is_parsed_as_intended(kind, tmp_path, authority):
    """RFC 5424 6 in every format: header, structured data and text, as rsyslog and syslog-ng parse them."""
    intended = [parse_message(path.read_bytes()) for path in GOLDEN]
    with real_receiver(kind, tmp_path, authority, parsed=True) as receiver:
        sender, frame = delivery(receiver), framer(receiver.framing)
        sender.write(b"".join(frame(path.read_bytes()) for path in GOLDEN), len(GOLDEN))
        sender.finish()
        sender.drop()
    read = [line.split(PART, 6) for line in receiver.lines()]
    assert [parts[:5] for parts in read] == [[str(m.priority), m.hostname, m.app_name, m.procid, m.msgid] for m in intended]
    assert [sorted(re.findall(r'(\w+)="([^"]*)"', parts[5])) for parts in read] == [
        sorted(m.structured["epimetheus@32473"].items()) for m in intended
    ]
    assert [parts[6] for parts in read] == [m.body.decode() for m in intended]
    assert len(read) == len(GOLDEN) > 50


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "terminated"])
@pytest.mark.parametrize("kind", KINDS)
def test_confirmed_messages_survive_a_receiver_that_dies_in_mid_stream(kind, number, tmp_path, authority):
    for trial, after in enumerate((3_000, 11_000, 26_000)[: budget(quick=1, full=3)]):
        with real_receiver(kind, tmp_path / str(trial), authority) as receiver:
            sender = delivery(receiver)
            send(sender, receiver, 0, after)
            receiver.kill(number)
            with pytest.raises((DeliveryUncertain, ReceiverError)):
                send(sender, receiver, after, 60_000)
            assert sender.confirmed <= after
            assert set(complete_numbers(receiver)) >= set(range(sender.confirmed))
            receiver.start()
            again = delivery(receiver)
            send(again, receiver, sender.confirmed, 30_000)
            again.finish()
            assert set(complete_numbers(receiver)) == set(range(30_000))
            again.drop()


@pytest.mark.parametrize("kind", KINDS)
def test_a_receiver_that_stops_reading_confirms_nothing_more(kind, tmp_path, authority):
    with real_receiver(kind, tmp_path, authority) as receiver:
        sender = delivery(receiver, timeout=1.0)
        send(sender, receiver, 0, 1_000)
        sender.finish()
        receiver.process.send_signal(signal.SIGSTOP)
        with pytest.raises(DeliveryUncertain, match="failed: timed out"):
            send(sender, receiver, 1_000, 30_000)
        assert sender.confirmed == 1_000


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_or_untrusted_client_certificate_is_reported_before_anything_is_sent(kind, version, tmp_path, authority):
    with real_receiver(kind, tmp_path, authority, client_certificates=True) as receiver:
        sender = delivery(receiver, version, authority.client())
        send(sender, receiver, 0, 300)
        sender.finish()
        assert set(complete_numbers(receiver)) == set(range(300))
        stranger = Authority(tmp_path / "stranger").client()
        for client in (None, authority.client(expired=True), stranger):
            rejected = delivery(receiver, version, client)
            with pytest.raises(ReceiverError) as caught:
                rejected.write(b"2 <1", 1)
            assert (rejected.sent, rejected.confirmed) == (0, 0)
            if kind != "rsyslog gtls":  # which closes the connection without an alert
                assert isinstance(caught.value, ReceiverUntrusted), caught.value
                assert "SYSLOG_CLIENT_CERT" in caught.value.do
