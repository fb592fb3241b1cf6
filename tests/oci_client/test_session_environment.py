"""Proxies and certificates are those of the environment when a client is created."""

import pytest
import requests
from oci._vendor import requests as vendored
from oci.object_storage import ObjectStorageClient

from epimetheus.oci_client.clients import make_client, sign_in
from epimetheus.oci_client.session_environment import read_environment_once
from epimetheus.testing.oci import World

URL = "https://audit.eu-paris-1.oraclecloud.com"


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/etc/ca.pem")


@pytest.mark.parametrize("library", [requests, vendored], ids=["requests", "the SDK's copy"])
@pytest.mark.parametrize(("no_proxy", "proxies"), [("", {"https": "http://proxy:3128"}), ("eu-paris-1.oraclecloud.com,.internal", {})])
def test_a_session_keeps_the_proxy_and_the_certificates(library, no_proxy, proxies, monkeypatch):
    monkeypatch.setenv("no_proxy", no_proxy)
    session = library.Session()
    read_environment_once(session, URL)
    monkeypatch.setenv("https_proxy", "http://other:3128")
    monkeypatch.delenv("no_proxy")
    kept = session.merge_environment_settings(URL, {}, None, None, None)
    assert ({key: kept["proxies"][key] for key in proxies}, "https" in kept["proxies"]) == (proxies, bool(proxies))
    assert kept["verify"] == "/etc/ca.pem"


def test_a_client_of_the_sdk_does_not_search_the_environment_for_each_request(tmp_path, api_key):
    credentials = sign_in("config_file", str(World(api_key=api_key).credentials(tmp_path)), "DEFAULT")
    client = make_client(ObjectStorageClient, credentials, region="eu-paris-1", endpoint=None, seconds=9.0)
    session = client.base_client.session
    assert (session.trust_env, session.verify, session.proxies["https"]) == (False, "/etc/ca.pem", "http://proxy:3128")
