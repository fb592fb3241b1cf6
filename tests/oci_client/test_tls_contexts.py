"""All connections to OCI share the CA certificates, and verify as they did with certificates of their own."""

import ssl

import pytest
from oci.object_storage import ObjectStorageClient

from epimetheus.clock import SYSTEM, Deadline
from epimetheus.errors import CompartmentError, SourceError
from epimetheus.model import Window
from epimetheus.oci_client.clients import make_client, oci_errors, sign_in
from epimetheus.source.audit import AuditApi
from epimetheus.source.identity import IdentityClient
from epimetheus.source.rate_limiter import RateLimiter
from epimetheus.testing.oci import World
from epimetheus.testing.syslog import Authority
from tests.support.hostile_server import hostile


@pytest.fixture
def credentials(tmp_path, api_key):
    return sign_in("config_file", str(World(api_key=api_key).credentials(tmp_path)), "DEFAULT")


def answers(sock):
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]")


def call_all(credentials, url):
    """One request of each kind of client, each over a connection of its own."""
    for kind, call in ((IdentityClient, lambda c: c.get("/regionSubscriptions")), (ObjectStorageClient, lambda c: c.get_namespace())):
        client = make_client(kind, credentials, region="us-ashburn-1", endpoint=url, seconds=20.0)
        with oci_errors("calling", do="Check."):
            call(client)
    audit = AuditApi(credentials, region="us-ashburn-1", endpoint=url, concurrency=1, rate_limiter=RateLimiter(1000, SYSTEM), clock=SYSTEM)
    return [len(page) for page, _ in audit.pages("c", Window(0, 1), None, Deadline.after(SYSTEM, 20.0))]


def test_the_certificates_are_read_once(tmp_path, credentials, monkeypatch):
    authority, read = Authority(tmp_path / "authority"), []
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.ca))

    class Counting(ssl.SSLContext):
        def load_verify_locations(self, *arguments, **options):
            read.append(arguments)
            super().load_verify_locations(*arguments, **options)

    monkeypatch.setattr("urllib3.util.ssl_.SSLContext", Counting)
    with hostile(answers, authority.server()) as url:
        assert call_all(credentials, url.replace("127.0.0.1", "localhost")) == [0]
    assert read == [(str(authority.ca), None)]


@pytest.mark.parametrize("where", ["another authority", "another name"])
def test_a_server_that_is_not_trusted_is_rejected(tmp_path, credentials, monkeypatch, where):
    authority, trusted = Authority(tmp_path / "authority"), Authority(tmp_path / "trusted")
    name = "another.example.com" if where == "another name" else "localhost"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str((authority if where == "another name" else trusted).ca))
    with hostile(answers, authority.server(name)) as address:
        url = address.replace("127.0.0.1", "localhost")
        with pytest.raises(SourceError, match="is not trusted"):
            call_all(credentials, url)
        audit = AuditApi(
            credentials, region="us-ashburn-1", endpoint=url, concurrency=1, rate_limiter=RateLimiter(1000, SYSTEM), clock=SYSTEM
        )
        with pytest.raises(CompartmentError, match="is not trusted"):
            next(audit.pages("c", Window(0, 1), None, Deadline.after(SYSTEM, 20.0)))
