"""ListEvents from a hostile server: every response is a page or an error of Epimetheus, and no wait passes the deadline."""

import contextlib
import gzip
import socket
import sys
import threading
import time
from collections import Counter
from dataclasses import replace

import pytest

from epimetheus.clock import SYSTEM, Deadline
from epimetheus.errors import CompartmentError, OutOfTime
from epimetheus.model import Window
from epimetheus.oci_client.clients import sign_in
from epimetheus.oci_client.http_limits import PIECE_BYTES
from epimetheus.source import page_room
from epimetheus.source.audit import AuditApi
from epimetheus.source.fetch import FetchTask, Page, fetch
from epimetheus.source.rate_limiter import RateLimiter
from epimetheus.testing.oci import World

OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
EVENT = b'{"eventType":"x","eventId":"1","data":{}}'
PAGE = b"[" + EVENT + b"," + EVENT + b"]"
WINDOW = Window(0, 1)


class Script:
    """Sends ``parts`` to each client, ``pause`` seconds apart, then closes the connection or, if ``silent``, keeps it open."""

    def __init__(self):
        self.parts, self.pause, self.silent = [], 0.0, False
        self.requests = 0
        self._closed = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection):
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            self.requests += 1
            for part in self.parts:
                connection.sendall(part)
                if self.pause and self._closed.wait(self.pause):
                    return
            if self.silent:
                self._closed.wait()

    def close(self):
        self._closed.set()
        self._socket.close()


@pytest.fixture
def server():
    with contextlib.closing(Script()) as server:
        yield server


@pytest.fixture
def credentials(api_key, tmp_path):
    return sign_in("config_file", str(World(api_key=api_key).credentials(tmp_path)), "DEFAULT")


def audit_api(credentials, endpoint):
    no_sleep = replace(SYSTEM, sleep=lambda seconds: None)
    limiter = RateLimiter(1000, no_sleep)
    return AuditApi(credentials, region="us-ashburn-1", endpoint=endpoint, concurrency=2, rate_limiter=limiter, clock=no_sleep)


@pytest.fixture
def audit(server, credentials):
    with contextlib.closing(audit_api(credentials, server.url)) as audit:
        yield audit


def read(audit, seconds=20.0):
    return [len(page) for page, _ in audit.pages("c", WINDOW, None, Deadline.after(SYSTEM, seconds))]


def sized(body, *headers):
    return OK + b"".join(header + b"\r\n" for header in headers) + b"Content-Length: %d\r\n\r\n" % len(body) + body


def chunked(*chunks):
    return OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)


GZIPPED = gzip.compress(PAGE)
GOOD = {
    "sized": sized(PAGE),
    "ended by closing the connection": OK + b"\r\n" + PAGE,
    "chunked": chunked(PAGE[:7], PAGE[7:]) + b"0\r\n\r\n",
    "chunks of one byte": chunked(*(bytes([byte]) for byte in PAGE)) + b"0\r\n\r\n",
    "gzip": sized(GZIPPED, b"Content-Encoding: gzip"),
    "invalid content length": OK + b"Content-Length: many\r\n\r\n" + PAGE,
    "empty page token": sized(PAGE, b"opc-next-page: "),
}
BAD = {
    "empty response": b"",
    "not HTTP": b"\x16\x03\x01 who are you?\r\n\r\n",
    "truncated headers": OK + b"Content-Le",
    "header too long": OK + b"x: " + b"y" * 70_000 + b"\r\n\r\n",
    "too many headers": OK + b"x: y\r\n" * 200 + b"\r\n",
    "truncated by closing the connection": OK + b"\r\n" + PAGE[:20],
    "truncated between two events": OK + b"\r\n" + PAGE[: 1 + len(EVENT)],
    "truncated after a comma": OK + b"\r\n" + PAGE[: 2 + len(EVENT)],
    "shorter than its content length": sized(PAGE)[:-5],
    "truncated in a chunk": chunked(PAGE[:7], PAGE[7:])[:-9],
    "truncated between two chunks": chunked(PAGE[:7]),
    "no last chunk": chunked(PAGE),
    "invalid chunk size": OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + PAGE,
    "truncated gzip": OK + b"Content-Encoding: gzip\r\n\r\n" + GZIPPED[:30],
    "not gzip": sized(PAGE, b"Content-Encoding: gzip"),
    "text after the page": sized(PAGE + b"<!-- -->"),
    "an error body": sized(b'{"code":"InternalServerError","message":"m"}'),
}


@pytest.mark.parametrize("answer", GOOD.values(), ids=GOOD)
def test_a_page_is_read_in_every_transfer_encoding(server, audit, answer):
    server.parts = [answer]
    assert read(audit) == [2]


@pytest.mark.parametrize("answer", BAD.values(), ids=BAD)
def test_an_invalid_response_is_retried_and_then_an_error_of_the_compartment(server, audit, answer):
    server.parts = [answer]
    cause = r"failed after 5 attempts: (127.* closed the connection|127.* sent an incomplete response|invalid response)"
    with pytest.raises(CompartmentError, match=cause):
        read(audit)
    assert (audit.requests, audit.retries, server.requests) == (5, 4, 5)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1,2]", b"\xff", b'{"code":7}', b'{"code":null,"message":null}', b'"text"'])
def test_an_error_response_without_an_oci_body_is_an_error(server, audit, body):
    server.parts = [sized(body).replace(b"200 OK", b"400 Bad Request")]
    with pytest.raises(CompartmentError, match="OCI returned 400 without an error code: no message"):
        read(audit)
    assert server.requests == 1


@pytest.mark.parametrize(
    ("body", "details"), [(b'{"code":null,"message":"why"}', "without an error code: why"), (b'{"code":"C"}', "C: no message")]
)
def test_a_partial_error_body_is_reported(server, audit, body, details):
    server.parts = [sized(body).replace(b"200 OK", b"400 Bad Request")]
    with pytest.raises(CompartmentError, match=f"400 {details}"):
        read(audit)


def test_a_page_sent_byte_by_byte_is_read(server, audit):
    server.parts = [bytes([byte]) for byte in GOOD["chunked"]]
    assert read(audit) == [2]


def calls_to_read(server, audit, chunks):
    """How many Python functions are called to read a page of ``chunks`` chunks of 8 kB."""
    server.parts = [chunked(b"[", *[b" " * 8192] * chunks, b"]") + b"0\r\n\r\n"]
    calls = Counter()
    sys.setprofile(lambda frame, event, _: calls.update([event]))
    try:
        assert read(audit) == [0]
    finally:
        sys.setprofile(None)
    return calls["call"]


def test_a_chunk_costs_few_calls(server, audit):
    """OCI sends chunks of 8 kB, a page has hundreds of them, and a round through urllib3 for each costs as much as decoding it does."""
    calls_to_read(server, audit, 1)
    assert calls_to_read(server, audit, 1010) - calls_to_read(server, audit, 10) < 15 * 1000


def test_a_slow_body_ends_at_the_deadline(server, audit):
    server.parts, server.pause = [OK + b"\r\n[", *[b" "] * 1000], 0.02
    began = time.monotonic()
    with pytest.raises(OutOfTime):
        read(audit, seconds=0.5)
    assert time.monotonic() - began < 1.5


@pytest.mark.parametrize(
    ("parts", "pause", "silent"),
    [
        ([bytes([byte]) for byte in OK + b"x: " + b"y" * 1000], 0.02, False),
        ([sized(PAGE, b"opc-next-page: t")[:60]], 0.0, True),
        ([OK + b"\r\n[", *[b" "] * 1000], 0.3, False),
    ],
    ids=["slow headers", "no response", "slow body"],
)
def test_fetch_ends_at_the_deadline_even_if_its_only_worker_hangs(server, audit, parts, pause, silent):
    server.parts, server.pause, server.silent = parts, pause, silent
    began = time.monotonic()
    results = fetch([FetchTask("c", WINDOW)], audit.pages, concurrency=1, deadline=Deadline.after(SYSTEM, 0.5))
    assert not [result for result in results if isinstance(result, Page)]
    assert time.monotonic() - began < 1


def test_a_closed_port_is_an_error_of_the_compartment(server, audit):
    server.close()
    with pytest.raises(CompartmentError) as caught:
        read(audit)
    address = server.url.removeprefix("http://")
    assert str(caught.value) == (
        f"Listing the events of c failed after 5 attempts: connecting to {address} failed: Connection refused."
        " Check OCI_ENDPOINT, the proxy, and the route from the subnet to OCI (service gateway)."
    )


def test_a_page_token_may_repeat_three_times(server, audit):
    server.parts = [sized(b"[]", b"opc-next-page: same")]
    with pytest.raises(CompartmentError, match="OCI keeps returning the same page token"):
        read(audit)
    assert server.requests == 4


def test_the_proxy_of_the_environment_is_used(server, credentials, monkeypatch):
    server.parts = [GOOD["sized"]]
    monkeypatch.setenv("http_proxy", server.url)
    with contextlib.closing(audit_api(credentials, "http://audit.invalid")) as audit:
        assert read(audit) == [2]
    monkeypatch.setenv("no_proxy", "audit.invalid")
    with contextlib.closing(audit_api(credentials, "http://audit.invalid")) as audit, pytest.raises(CompartmentError):
        read(audit)


def test_the_certificates_of_the_environment_are_trusted(credentials, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    cause = r"invalid path: /nowhere/ca\.pem"
    with contextlib.closing(audit_api(credentials, "https://audit.invalid")) as audit, pytest.raises(CompartmentError, match=cause):
        read(audit)


def test_a_slow_receiver_leaves_few_bytes_in_memory(server, credentials):
    """Of eight workers with pages of 3 MB, while the first page is being forwarded."""
    size, tasks = 3 << 20, [FetchTask(str(number), WINDOW) for number in range(16)]
    server.parts = [sized(b"[" + b" " * size + b"]")]
    with contextlib.closing(audit_api(credentials, server.url)) as audit:
        results = fetch(tasks, audit.pages, concurrency=8, deadline=Deadline.after(SYSTEM, 60.0))
        with contextlib.closing(results):
            first = next(results)
            settled = -1
            while settled != (settled := audit.room.bytes):
                time.sleep(0.5)
            assert size < settled < page_room.ROOM_BYTES + size + 8 * PIECE_BYTES
            del first
            assert sum(isinstance(result, Page) for result in results) == len(tasks) - 1
        assert audit.room.bytes == 0
