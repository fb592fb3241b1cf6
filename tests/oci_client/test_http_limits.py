"""The deadline and size limit of every request: real clients against a hostile server, on real sockets."""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from oci.exceptions import ServiceError
from oci.monitoring import MonitoringClient
from oci.object_storage import ObjectStorageClient
from oci.secrets import SecretsClient

from epimetheus.clock import SYSTEM, Deadline
from epimetheus.errors import CompartmentError, EpimetheusError, OutOfTime, SourceError, StateError
from epimetheus.model import Window
from epimetheus.observe import metrics
from epimetheus.oci_client.clients import make_client, sign_in
from epimetheus.oci_client.http_limits import OBJECT_BYTES, PAGE_BYTES, PAGE_SECONDS, RESPONSE_BYTES
from epimetheus.source import audit as audit_module
from epimetheus.source.audit import AuditApi
from epimetheus.source.identity import IdentityClient, compartment_pages, subscribed_regions
from epimetheus.source.rate_limiter import RateLimiter
from epimetheus.source.references import ReferenceResolver
from epimetheus.state.object_storage import ObjectStore
from epimetheus.testing.oci import World, serve
from epimetheus.testing.syslog import Authority
from tests.support import hostile_server
from tests.support.hostile_server import LATE, LONG, SLOW, hostile

SECONDS = 1.5
MARGIN = 1.5  # for a busy machine


@pytest.fixture
def credentials(tmp_path, api_key):
    return sign_in("config_file", str(World(api_key=api_key).credentials(tmp_path)), "DEFAULT")


def sdk(kind, credentials, url, seconds=SECONDS):
    return make_client(kind, credentials, region="us-ashburn-1", endpoint=url, seconds=seconds)


def store(credentials, url, seconds):
    return ObjectStore(sdk(ObjectStorageClient, credentials, url, seconds), "ns", "bucket", "key")


CALLS = {
    "identity": lambda c, url, s: compartment_pages(sdk(IdentityClient, c, url, s))("ocid1.tenancy.oc1..a", True, None),
    "regions": lambda c, url, s: subscribed_regions(sdk(IdentityClient, c, url, s), "ocid1.tenancy.oc1..a"),
    "state read": lambda c, url, s: store(c, url, s).read(),
    "state write": lambda c, url, s: store(c, url, s).write(b"x" * (8 << 20), None),
    "secrets": lambda c, url, s: ReferenceResolver(lambda: sdk(SecretsClient, c, url, s), bytes).read("RULES", "vault:ocid1.s"),
    "metrics": lambda c, url, s: metrics.post(sdk(MonitoringClient, c, url, s), "n", "ocid1.t.oc1..a", {"region": "r"}, {"x": 0.0}, 0.0),
}


def events(credentials, url, seconds):
    audit = AuditApi(credentials, region="us-ashburn-1", endpoint=url, concurrency=1, rate_limiter=RateLimiter(1000, SYSTEM), clock=SYSTEM)
    return next(audit.pages("ocid1.tenancy.oc1..a", Window(0, 1), None, Deadline.after(SYSTEM, seconds)))


def ended(call, credentials, url):
    """The error of a call, and how many seconds it took."""
    began = time.monotonic()
    with pytest.raises(EpimetheusError) as caught:
        call(credentials, url, SECONDS)
    return caught.value, time.monotonic() - began


@pytest.mark.parametrize("answer", SLOW, ids=lambda answer: answer.__name__)
def test_an_sdk_call_to_a_slow_server_ends_at_its_deadline(credentials, answer):
    with hostile(answer) as url, ThreadPoolExecutor(len(CALLS)) as pool:
        results = dict(zip(CALLS, pool.map(lambda call: ended(call, credentials, url), CALLS.values()), strict=True))
    for call, (error, seconds) in results.items():
        assert seconds < SECONDS + MARGIN
        assert isinstance(error, StateError if call.startswith("state") else SourceError)
        if answer is not hostile_server.reads_nothing and call != "state write":  # the socket's timeout may come first
            assert "the request took longer than 1.0 s" in error.what
            assert (" failed: " in error.what, "a proxy" in error.do) == (True, True)


@pytest.fixture
def tls(tmp_path, monkeypatch):
    """The certificate of a server that the clients trust."""
    authority = Authority(tmp_path / "authority")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.ca))
    return authority.server()


@pytest.mark.parametrize("answer", [*SLOW, hostile_server.never_handshakes], ids=lambda answer: answer.__name__)
@pytest.mark.parametrize("call", ["identity", "state write", "events"])
def test_a_call_over_tls_to_a_slow_server_ends_at_its_deadline(credentials, tls, call, answer, monkeypatch):
    monkeypatch.setattr(audit_module, "PAGE_SECONDS", 1.0)
    with hostile(answer, tls) as url:
        began = time.monotonic()
        with pytest.raises(EpimetheusError) as caught:
            {**CALLS, "events": events}[call](credentials, url, SECONDS)
    assert time.monotonic() - began < SECONDS + MARGIN
    assert "CERTIFICATE" not in caught.value.what


@pytest.mark.parametrize("answer", SLOW[:4], ids=lambda answer: answer.__name__)
@pytest.mark.parametrize("call", ["identity", "events"])
def test_a_call_through_a_slow_proxy_ends_at_its_deadline(credentials, tls, call, answer, monkeypatch):
    monkeypatch.setattr(audit_module, "PAGE_SECONDS", 1.0)
    with hostile(answer) as proxy:
        monkeypatch.setenv("https_proxy", proxy)
        began = time.monotonic()
        with pytest.raises(EpimetheusError):
            {**CALLS, "events": events}[call](credentials, "https://audit.invalid", SECONDS)
    assert time.monotonic() - began < SECONDS + MARGIN


@pytest.mark.parametrize("proxied", [False, True])
@pytest.mark.parametrize("call", ["identity", "events"])
def test_a_gzip_bomb_over_tls_or_through_a_proxy_is_rejected(credentials, tls, call, proxied, monkeypatch):
    with hostile(hostile_server.gzip_bomb, tls) as url, hostile(hostile_server.tunnel) as proxy:
        if proxied:
            monkeypatch.setenv("https_proxy", proxy)
        with pytest.raises(EpimetheusError, match="the response is longer than"):
            {**CALLS, "events": events}[call](credentials, url, 30.0)


@pytest.mark.parametrize("answer", SLOW, ids=lambda answer: answer.__name__)
def test_a_page_from_a_slow_server_ends_at_its_deadline(credentials, answer, monkeypatch):
    monkeypatch.setattr(audit_module, "PAGE_SECONDS", 1.0)
    with hostile(answer) as url:
        began = time.monotonic()
        with pytest.raises(CompartmentError) as caught:
            events(credentials, url, 20.0)
    assert caught.value.what == "Listing the events of ocid1.tenancy.oc1..a failed: the request took longer than 1.0 s."
    assert time.monotonic() - began < 1.0 + MARGIN


@pytest.mark.parametrize("answer", [*LATE, hostile_server.reads_nothing], ids=lambda answer: answer.__name__)
def test_a_page_ends_at_the_deadline_of_the_run(credentials, answer):
    with hostile(answer) as url:
        began = time.monotonic()
        with pytest.raises(OutOfTime):
            events(credentials, url, 1.0)
    assert time.monotonic() - began < 1.0 + MARGIN


def test_endless_headers_are_rejected(credentials):
    for call in (*CALLS.values(), events):
        with hostile(hostile_server.endless_headers) as url, pytest.raises(EpimetheusError):
            call(credentials, url, SECONDS)


PROBE = """
import json, os, resource, sys
from epimetheus.oci_client.clients import sign_in
from tests.support import hostile_server
from tests.oci_client import test_http_limits as tests
config, call, *answers = sys.argv[1:]
credentials = sign_in("config_file", config, "DEFAULT")
for answer in answers:
    if child := os.fork():
        os.waitpid(child, 0)
        continue
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with hostile_server.hostile(getattr(hostile_server, answer)) as url:
        try:
            {**tests.CALLS, "events": tests.events}[call](credentials, url, 60.0)
            message = ""
        except Exception as error:
            message = f"{type(error).__name__}: {error}"
    print(json.dumps([answer, message, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024]), flush=True)
    os._exit(0)
"""
LIMITS = {"events": PAGE_BYTES, "state read": OBJECT_BYTES, "state write": RESPONSE_BYTES}


@pytest.mark.parametrize("call", ["events", "identity", "state read"])
def test_an_endless_response_takes_limited_memory(tmp_path, api_key, call):
    """Peak memory of a process of its own for each response, in MiB above its memory before the call."""
    config, names = World(api_key=api_key).credentials(tmp_path), [answer.__name__ for answer in LONG]
    probe = [sys.executable, "-c", PROBE, str(config), call, *names]
    done = subprocess.run(probe, capture_output=True, check=True, cwd=Path(__file__).parents[2], timeout=100)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer for answer, _, _ in answers] == names
    limit = LIMITS.get(call, RESPONSE_BYTES)
    for answer, message, grown in answers:
        if answer != hostile_server.endless_chunk_size.__name__:  # http.client rejects it
            assert f"the response is longer than {limit} bytes" in message, answer
        assert message, answer
        assert grown < 2.2 * (limit >> 20) + 24, answer


@pytest.mark.parametrize("call", ["regions", "secrets", "metrics"])
def test_every_other_call_is_limited(credentials, call):
    """These share the limits of Identity, whose memory is measured above; only Object Storage has a larger one."""
    for answer in (hostile_server.gzip_bomb, hostile_server.announces_terabytes):
        with hostile(answer) as url, pytest.raises(EpimetheusError, match="the response is longer than"):
            CALLS[call](credentials, url, 30.0)


def test_the_limits_are_those_of_the_documentation():
    assert (PAGE_BYTES, RESPONSE_BYTES, OBJECT_BYTES, PAGE_SECONDS) == (67_108_864, 16_777_216, 268_435_456, 60.0)


def test_a_redirect_is_not_followed(credentials):
    for call in CALLS.values():
        with hostile(hostile_server.redirects) as url, pytest.raises((SourceError, StateError), match="302"):
            call(credentials, url, SECONDS)
    with hostile(hostile_server.redirects) as url, pytest.raises(CompartmentError, match="302"):
        events(credentials, url, SECONDS)


def test_the_limits_stay_when_the_sdk_replaces_its_session(tmp_path, api_key):
    """After a 412 IfNoneMatchFailed, the SDK creates a new session."""
    world = World(api_key=api_key)
    world.bucket("bucket")
    credentials = sign_in("config_file", str(world.credentials(tmp_path)), "DEFAULT")
    with serve(world) as served:
        client = sdk(ObjectStorageClient, credentials, served.url)
        before = client.base_client.session
        client.put_object(world.namespace, "bucket", "key", b"x", if_none_match="*")
        with pytest.raises(ServiceError, match="IfNoneMatchFailed"):
            client.put_object(world.namespace, "bucket", "key", b"x", if_none_match="*")
        assert client.base_client.session is not before
        assert [type(adapter).__name__ for adapter in client.base_client.session.adapters.values()] == ["LimitedAdapter", "LimitedAdapter"]


def test_a_large_upload_and_its_download_are_complete(tmp_path, api_key):
    world = World(api_key=api_key)
    world.bucket("bucket")
    credentials = sign_in("config_file", str(world.credentials(tmp_path)), "DEFAULT")
    data = bytes(range(256)) * 40_000
    with serve(world) as served:
        stored = ObjectStore(sdk(ObjectStorageClient, credentials, served.url, 20.0), world.namespace, "bucket", "key")
        etag = stored.write(data, None)
        assert stored.read() == (data, etag)
