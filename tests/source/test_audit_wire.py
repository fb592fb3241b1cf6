"""ListEvents from a server that keeps no rules: every answer is a page or an error of ours, and no wait outlasts the deadline."""

import contextlib
import gzip
import socket
import threading
import time
from dataclasses import replace

import pytest

from epimetheus.clock import SYSTEM, Deadline
from epimetheus.errors import CompartmentError, OutOfTime
from epimetheus.model import Window
from epimetheus.oci_client.clients import sign_in
from epimetheus.source.audit import AuditApi
from epimetheus.source.fetch import FetchTask, Page, fetch
from epimetheus.source.rate_limiter import RateLimiter
from epimetheus.testing.oci import World

OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
EVENT = b'{"eventType":"x","eventId":"1","data":{}}'
PAGE = b"[" + EVENT + b"," + EVENT + b"]"
WINDOW = Window(0, 1)


class Script:
    """Sends ``parts`` to whoever connects, ``pause`` seconds apart, then closes; or after the last one says no more and waits."""

    def __init__(self):
        self.parts, self.pause, self.silent = [], 0.0, False
        self.polled = 0
        self._over = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection):
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            self.polled += 1
            for part in self.parts:
                connection.sendall(part)
                if self.pause and self._over.wait(self.pause):
                    return
            if self.silent:
                self._over.wait()

    def close(self):
        self._over.set()
        self._listening.close()


@pytest.fixture
def server():
    with contextlib.closing(Script()) as server:
        yield server


@pytest.fixture
def credentials(api_key, tmp_path):
    return sign_in("config_file", str(World(api_key=api_key).credentials(tmp_path)), "DEFAULT")


def made(credentials, endpoint):
    quick = replace(SYSTEM, sleep=lambda seconds: None)
    return AuditApi(credentials, region="us-ashburn-1", endpoint=endpoint, concurrency=2, rate_limiter=RateLimiter(1000, quick), clock=quick)


@pytest.fixture
def audit(server, credentials):
    with contextlib.closing(made(credentials, server.url)) as audit:
        yield audit


def read(audit, seconds=20.0):
    return [len(page) for page, _ in audit.pages("c", WINDOW, None, Deadline.after(SYSTEM, seconds))]


def sized(body, *headers):
    return OK + b"".join(header + b"\r\n" for header in headers) + b"Content-Length: %d\r\n\r\n" % len(body) + body


def chunked(*chunks):
    return OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)


ZIPPED = gzip.compress(PAGE)
GOOD = {
    "sized": sized(PAGE),
    "ended by the connection's end": OK + b"\r\n" + PAGE,
    "in chunks": chunked(PAGE[:7], PAGE[7:]) + b"0\r\n\r\n",
    "zipped": sized(ZIPPED, b"Content-Encoding: gzip"),
    "of a length that is none": OK + b"Content-Length: many\r\n\r\n" + PAGE,
    "an empty token": sized(PAGE, b"opc-next-page: "),
}
BAD = {
    "nothing": b"",
    "no HTTP": b"\x16\x03\x01 who are you?\r\n\r\n",
    "half a head": OK + b"Content-Le",
    "too long a line": OK + b"x: " + b"y" * 70_000 + b"\r\n\r\n",
    "too many headers": OK + b"x: y\r\n" * 200 + b"\r\n",
    "cut by the connection's end": OK + b"\r\n" + PAGE[:20],
    "cut between two events": OK + b"\r\n" + PAGE[: 1 + len(EVENT)],
    "cut after a comma": OK + b"\r\n" + PAGE[: 2 + len(EVENT)],
    "cut in its length": sized(PAGE)[:-5],
    "cut in a chunk": chunked(PAGE[:7], PAGE[7:])[:-9],
    "cut between two chunks": chunked(PAGE[:7]),
    "chunks without an end": chunked(PAGE),
    "a chunk of no size": OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + PAGE,
    "cut and zipped": OK + b"Content-Encoding: gzip\r\n\r\n" + ZIPPED[:30],
    "not zipped at all": sized(PAGE, b"Content-Encoding: gzip"),
    "a page and more": sized(PAGE + b"<!-- -->"),
    "an error page": sized(b'{"code":"InternalServerError","message":"m"}'),
}


@pytest.mark.parametrize("answer", GOOD.values(), ids=GOOD)
def test_a_page_in_whatever_wrapping_is_a_page(server, audit, answer):
    server.parts = [answer]
    assert read(audit) == [2]


@pytest.mark.parametrize("answer", BAD.values(), ids=BAD)
def test_anything_else_is_tried_again_and_then_this_compartments_trouble(server, audit, answer):
    server.parts = [answer]
    with pytest.raises(CompartmentError, match=r"failed 5 times in a row, the last with (no whole answer|a body that is no)"):
        read(audit)
    assert (audit.requests, audit.retries, server.polled) == (5, 4, 5)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1,2]", b"\xff", b'{"code":7}', b'{"code":null,"message":null}', b'"text"'])
def test_a_refusal_in_other_words_than_ocis_is_still_one(server, audit, body):
    server.parts = [sized(body).replace(b"200 OK", b"400 Bad Request")]
    with pytest.raises(CompartmentError, match="400 without a code: no message"):
        read(audit)
    assert server.polled == 1


@pytest.mark.parametrize(("body", "said"), [(b'{"code":null,"message":"why"}', "without a code: why"), (b'{"code":"C"}', "C: no message")])
def test_of_half_a_refusal_the_half_is_said(server, audit, body, said):
    server.parts = [sized(body).replace(b"200 OK", b"400 Bad Request")]
    with pytest.raises(CompartmentError, match=f"400 {said}"):
        read(audit)


def test_a_page_that_comes_byte_by_byte_is_read(server, audit):
    server.parts = [bytes([byte]) for byte in GOOD["in chunks"]]
    assert read(audit) == [2]


def test_a_body_that_drips_ends_with_the_deadline(server, audit):
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
    ids=["a head that drips", "silence", "a body that drips slowly"],
)
def test_an_iteration_ends_with_the_deadline_whatever_its_one_worker_hangs_in(server, audit, parts, pause, silent):
    server.parts, server.pause, server.silent = parts, pause, silent
    began = time.monotonic()
    arrivals = fetch([FetchTask("c", WINDOW)], audit.pages, concurrency=1, deadline=Deadline.after(SYSTEM, 0.5))
    assert not [arrival for arrival in arrivals if isinstance(arrival, Page)]
    assert time.monotonic() - began < 1


def test_a_port_where_nobody_listens_is_this_compartments_trouble(server, audit):
    server.close()
    with pytest.raises(CompartmentError, match=r"the last with no whole answer \(ConnectionError\)"):
        read(audit)


def test_a_token_that_may_come_again_for_a_moment_may_not_for_ever(server, audit):
    server.parts = [sized(b"[]", b"opc-next-page: same")]
    with pytest.raises(CompartmentError, match="repeats its page token"):
        read(audit)
    assert server.polled == 4


def test_a_proxy_that_the_environment_names_is_used(server, credentials, monkeypatch):
    server.parts = [GOOD["sized"]]
    monkeypatch.setenv("http_proxy", server.url)
    with contextlib.closing(made(credentials, "http://audit.invalid")) as audit:
        assert read(audit) == [2]
    monkeypatch.setenv("no_proxy", "audit.invalid")
    with contextlib.closing(made(credentials, "http://audit.invalid")) as audit, pytest.raises(CompartmentError):
        read(audit)


def test_certificates_that_the_environment_names_are_trusted(credentials, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    with contextlib.closing(made(credentials, "https://audit.invalid")) as audit, pytest.raises(CompartmentError, match="OSError"):
        read(audit)
