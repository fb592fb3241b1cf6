from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import oci
import pytest
import requests

from epimetheus.testing.oci import World, mock_oci, serve


class Altered:
    """A signer that changes the request after signing it."""

    def __init__(self, signer, change):
        self._signer = signer
        self._change = change

    def __call__(self, request):
        signed = self._signer(request)
        self._change(signed)
        return signed


def header(name, value):
    return lambda request: request.headers.__setitem__(name, value)


def replaced(name, old, new):
    return lambda request: request.headers.__setitem__(name, request.headers[name].replace(old, new))


def error_of(response):
    return response.status_code, response.json()["code"]


def tenancy(endpoint, auth):
    return endpoint.request("GET", "identity", f"/20160918/tenancies/{endpoint.world.tenancy}", auth=auth)


def test_no_signature(endpoint):
    response = tenancy(endpoint, None)
    assert error_of(response) == (401, "NotAuthenticated")
    assert "no signature" in response.json()["message"]


@pytest.mark.parametrize(
    "change",
    [
        header("date", format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)),
        header("host", "identity.eu-frankfurt-1.oraclecloud.com"),
        header("authorization", "Basic eDp5"),
        replaced("authorization", "ocid1.user", "ocid1.loser"),
        replaced("authorization", 'version="1"', 'version="2"'),
        replaced("authorization", "date (request-target) host", "(request-target) host"),
        replaced("authorization", "date (request-target) host", "date host"),
        replaced("authorization", 'signature="', 'signature="A'),
        lambda request: request.headers.pop("date"),
    ],
    ids=["date", "host", "scheme", "key", "version", "date unsigned", "target unsigned", "signature", "no date"],
)
def test_altered_requests_are_rejected(endpoint, change):
    assert error_of(tenancy(endpoint, Altered(endpoint.signer, change))) == (401, "NotAuthenticated")


def test_an_altered_target(endpoint):
    def other(request):
        request.url = request.url.replace(endpoint.world.tenancy, "ocid1.tenancy.oc1..other")

    assert error_of(tenancy(endpoint, Altered(endpoint.signer, other))) == (401, "NotAuthenticated")


def search(endpoint, auth, body):
    return endpoint.request("POST", "logging", "/20190909/search", auth=auth, data=body)


def test_an_altered_body(endpoint):
    altered = Altered(endpoint.signer, lambda request: setattr(request, "body", b'{"b":2}'))
    response = search(endpoint, altered, b'{"a":1}')
    assert error_of(response) == (401, "NotAuthenticated")
    assert "digest" in response.json()["message"]


def test_bodies_must_be_signed_except_for_object_storage(endpoint):
    response = search(endpoint, endpoint.signer.without_content_headers, b"{}")
    assert error_of(response) == (401, "NotAuthenticated")
    assert "content-length, content-type, x-content-sha256" in response.json()["message"]
    endpoint.world.bucket("b")
    put = endpoint.request("PUT", "objectstorage", "/n/axexample/b/b/o/x", data=b"1", auth=endpoint.signer.without_content_headers)
    assert put.status_code == 200
    put = endpoint.request("PUT", "objectstorage", "/n/axexample/b/b/o/x", data=b"1")
    assert put.status_code == 200


@pytest.mark.parametrize(("seconds", "status"), [(-310, 401), (-290, 200), (290, 200), (310, 401)])
def test_the_date_must_be_within_five_minutes(endpoint, seconds, status):
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
    response = endpoint.request("GET", "identity", f"/20160918/tenancies/{endpoint.world.tenancy}", headers={"date": date})
    assert response.status_code == status


def test_a_key_of_another_world(endpoint, tmp_path):
    other = World()
    config = oci.config.from_file(str(other.credentials(tmp_path / "other")))
    assert error_of(tenancy(endpoint, oci.signer.Signer.from_config(config))) == (401, "NotAuthenticated")


def test_the_sdk_reports_an_unknown_key_as_401(endpoint):
    endpoint.world.keys.clear()
    with pytest.raises(oci.exceptions.ServiceError) as error:
        endpoint.client(oci.identity.IdentityClient).get_tenancy(endpoint.world.tenancy)
    assert (error.value.status, error.value.code) == (401, "NotAuthenticated")


def test_a_functions_resource_principal(world, tmp_path, monkeypatch):
    for name, value in world.resource_principal(tmp_path).items():
        monkeypatch.setenv(name, value)
    signer = oci.auth.signers.get_resource_principals_signer()
    assert signer.get_claim("res_tenant") == world.tenancy
    with mock_oci(world):
        assert oci.identity.IdentityClient({}, signer=signer).get_tenancy(world.tenancy).data.id == world.tenancy
    with serve(world) as served:
        response = requests.get(f"{served.url}/20160918/tenancies/{world.tenancy}", auth=signer)
        assert response.status_code == 200


def test_credentials_are_readable_by_their_owner_only(world, tmp_path):
    config = world.credentials(tmp_path)
    assert (config.stat().st_mode & 0o777, (tmp_path / "api_key.pem").stat().st_mode & 0o777) == (0o600, 0o600)
    assert oci.config.from_file(str(config))["region"] == "us-ashburn-1"
