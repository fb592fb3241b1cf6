"""What a server can do to a request: nothing beyond its deadline and its cap. Real clients before a hostile server, real sockets."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from oci.exceptions import ServiceError
from oci.identity import IdentityClient
from oci.monitoring import MonitoringClient
from oci.object_storage import ObjectStorageClient
from oci.secrets import SecretsClient

from epimetheus.clock import SYSTEM, Deadline
from epimetheus.cloud import make_client, sign_in
from epimetheus.errors import CompartmentError, EpimetheusError, OutOfTime, SourceError, StateError
from epimetheus.http_limits import ANSWER_BYTES, OBJECT_BYTES, PAGE_BYTES, PAGE_SECONDS
from epimetheus.model import Window
from epimetheus.observe import metrics
from epimetheus.source import audit as audit_module
from epimetheus.source.audit import AuditApi
from epimetheus.source.identity import compartment_pages, subscribed_regions
from epimetheus.source.material import Material
from epimetheus.source.pacer import Pacer
from epimetheus.state.object_storage import ObjectStore
from epimetheus.testing.oci import World, serve
from tests import hostile_server
from tests.hostile_server import LONG, SLOW, hostile

SECONDS = 1.5


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
    "secrets": lambda c, url, s: Material(lambda: sdk(SecretsClient, c, url, s), bytes).read("RULES", "vault:ocid1.vaultsecret.oc1..a"),
    "metrics": lambda c, url, s: metrics.post(sdk(MonitoringClient, c, url, s), "n", "ocid1.tenancy.oc1..a", "r", {"x": 0.0}, 0.0),
}


def events(credentials, url, seconds):
    audit = AuditApi(credentials, region="us-ashburn-1", endpoint=url, concurrency=1, pacer=Pacer(1000, SYSTEM), clock=SYSTEM)
    return next(audit.pages("ocid1.tenancy.oc1..a", Window(0, 1), None, Deadline.after(SYSTEM, seconds)))


@pytest.mark.parametrize("answer", SLOW, ids=lambda answer: answer.__name__)
@pytest.mark.parametrize("call", CALLS)
def test_item_18_a_slow_server_costs_a_call_of_the_sdk_no_more_than_its_deadline(credentials, call, answer):
    with hostile(answer) as url:
        began = time.monotonic()
        with pytest.raises((SourceError, StateError)) as caught:
            CALLS[call](credentials, url, SECONDS)
    assert time.monotonic() - began < SECONDS + 0.3
    if answer in SLOW[:4] and call != "state write":
        assert "the whole exchange took longer than 1.0 s" in caught.value.what
        assert "while" in caught.value.what
        assert "a proxy" in caught.value.do


@pytest.mark.parametrize("answer", SLOW, ids=lambda answer: answer.__name__)
def test_item_18_a_slow_server_costs_a_page_no_more_than_its_deadline(credentials, answer, monkeypatch):
    monkeypatch.setattr(audit_module, "PAGE_SECONDS", 1.0)
    with hostile(answer) as url:
        began = time.monotonic()
        with pytest.raises(CompartmentError, match=r"ListEvents of ocid1.tenancy.oc1..a exceeded a limit: .* longer than 1.0 s"):
            events(credentials, url, 20.0)
    assert time.monotonic() - began < 1.5


@pytest.mark.parametrize("answer", [hostile_server.drips_body, hostile_server.reads_nothing], ids=lambda answer: answer.__name__)
def test_item_18_a_page_also_ends_with_the_run(credentials, answer):
    with hostile(answer) as url:
        began = time.monotonic()
        with pytest.raises(OutOfTime):
            events(credentials, url, 1.0)
    assert time.monotonic() - began < 1.5


def test_item_18_endless_headers_end(credentials):
    for call in (*CALLS.values(), events):
        with hostile(hostile_server.endless_headers) as url, pytest.raises(EpimetheusError):
            call(credentials, url, SECONDS)


PROBE = """
import json, resource, sys, time
from epimetheus.cloud import sign_in
from tests import hostile_server, test_http_limits as tests
config, call, answer = sys.argv[1:]
credentials = sign_in("config_file", config, "DEFAULT")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with hostile_server.hostile(getattr(hostile_server, answer)) as url:
    try:
        {**tests.CALLS, "events": tests.events}[call](credentials, url, 60.0)
        said = ""
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
print(json.dumps([said, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024]))
"""
MOST = {"events": PAGE_BYTES, "state read": OBJECT_BYTES, "state write": ANSWER_BYTES}


@pytest.mark.parametrize("answer", LONG, ids=lambda answer: answer.__name__)
@pytest.mark.parametrize("call", ["events", "identity", "state read", "secrets", "metrics"])
def test_item_18_an_answer_without_end_takes_bounded_memory(tmp_path, api_key, call, answer):
    """Peak memory of a process of its own, in MiB over what it had before."""
    config = World(api_key=api_key).credentials(tmp_path)
    probe = [sys.executable, "-c", PROBE, str(config), call, answer.__name__]
    done = subprocess.run(probe, capture_output=True, check=True, cwd=Path(__file__).parents[1], timeout=100)
    said, grown = json.loads(done.stdout)
    most = MOST.get(call, ANSWER_BYTES)
    if answer is not hostile_server.endless_chunk_size:  # that one is stopped by http.client
        assert f"the answer is longer than {most} bytes" in said
    assert said
    assert grown < 2.2 * (most >> 20) + 24


def test_item_18_the_limits_are_what_the_documentation_says():
    assert (PAGE_BYTES, ANSWER_BYTES, OBJECT_BYTES, PAGE_SECONDS) == (67_108_864, 16_777_216, 268_435_456, 60.0)


def test_item_18_a_redirect_is_not_followed(credentials):
    for call in CALLS.values():
        with hostile(hostile_server.redirects) as url, pytest.raises((SourceError, StateError), match="302"):
            call(credentials, url, SECONDS)
    with hostile(hostile_server.redirects) as url, pytest.raises(CompartmentError, match="302"):
        events(credentials, url, SECONDS)


def test_item_18_the_limits_stay_when_the_sdk_replaces_its_session(tmp_path, api_key):
    """After a 412 IfNoneMatchFailed the SDK makes a new session."""
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
        assert [type(adapter).__name__ for adapter in client.base_client.session.adapters.values()] == ["_SdkAdapter", "_SdkAdapter"]


def test_item_18_an_upload_of_megabytes_and_its_download_are_whole(tmp_path, api_key):
    world = World(api_key=api_key)
    world.bucket("bucket")
    credentials = sign_in("config_file", str(world.credentials(tmp_path)), "DEFAULT")
    data = bytes(range(256)) * 40_000
    with serve(world) as served:
        kept = ObjectStore(sdk(ObjectStorageClient, credentials, served.url, 20.0), world.namespace, "bucket", "key")
        etag = kept.write(data, None)
        assert kept.read() == (data, etag)
