from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import oci
import pytest
import requests

from epimetheus.testing.oci import World, mock_oci, serve


class Altered:
    """A signer whose request is changed after it was signed."""

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


def code(answer):
    return answer.status_code, answer.json()["code"]


def tenancy(door, auth):
    return door.ask("GET", "identity", f"/20160918/tenancies/{door.world.tenancy}", auth=auth)


def test_no_signature(door):
    answer = tenancy(door, None)
    assert code(answer) == (401, "NotAuthenticated")
    assert "no signature" in answer.json()["message"]


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
def test_whatever_is_altered_is_refused(door, change):
    assert code(tenancy(door, Altered(door.signer, change))) == (401, "NotAuthenticated")


def test_an_altered_target(door):
    def other(request):
        request.url = request.url.replace(door.world.tenancy, "ocid1.tenancy.oc1..other")

    assert code(tenancy(door, Altered(door.signer, other))) == (401, "NotAuthenticated")


def search(door, auth, body):
    return door.ask("POST", "logging", "/20190909/search", auth=auth, data=body)


def test_an_altered_body(door):
    altered = Altered(door.signer, lambda request: setattr(request, "body", b'{"b":2}'))
    answer = search(door, altered, b'{"a":1}')
    assert code(answer) == (401, "NotAuthenticated")
    assert "digest" in answer.json()["message"]


def test_a_body_must_be_signed_except_by_object_storage(door):
    answer = search(door, door.signer.without_content_headers, b"{}")
    assert code(answer) == (401, "NotAuthenticated")
    assert "content-length, content-type, x-content-sha256" in answer.json()["message"]
    door.world.bucket("b")
    put = door.ask("PUT", "objectstorage", "/n/axexample/b/b/o/x", data=b"1", auth=door.signer.without_content_headers)
    assert put.status_code == 200
    put = door.ask("PUT", "objectstorage", "/n/axexample/b/b/o/x", data=b"1")
    assert put.status_code == 200


@pytest.mark.parametrize(("seconds", "status"), [(-310, 401), (-290, 200), (290, 200), (310, 401)])
def test_the_date_must_be_within_five_minutes(door, seconds, status):
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
    answer = door.ask("GET", "identity", f"/20160918/tenancies/{door.world.tenancy}", headers={"date": date})
    assert answer.status_code == status


def test_a_key_of_another_world(door, tmp_path):
    stranger = World()
    config = oci.config.from_file(str(stranger.credentials(tmp_path / "other")))
    assert code(tenancy(door, oci.signer.Signer.from_config(config))) == (401, "NotAuthenticated")


def test_the_sdk_reports_it_as_401(door):
    door.world.keys.clear()
    with pytest.raises(oci.exceptions.ServiceError) as failed:
        door.client(oci.identity.IdentityClient).get_tenancy(door.world.tenancy)
    assert (failed.value.status, failed.value.code) == (401, "NotAuthenticated")


def test_a_functions_resource_principal(world, tmp_path, monkeypatch):
    for name, value in world.resource_principal(tmp_path).items():
        monkeypatch.setenv(name, value)
    signer = oci.auth.signers.get_resource_principals_signer()
    assert signer.get_claim("res_tenant") == world.tenancy
    with mock_oci(world):
        assert oci.identity.IdentityClient({}, signer=signer).get_tenancy(world.tenancy).data.id == world.tenancy
    with serve(world) as served:
        answer = requests.get(f"{served.url}/20160918/tenancies/{world.tenancy}", auth=signer)
        assert answer.status_code == 200


def test_credentials_are_for_their_owner_only(world, tmp_path):
    config = world.credentials(tmp_path)
    assert (config.stat().st_mode & 0o777, (tmp_path / "api_key.pem").stat().st_mode & 0o777) == (0o600, 0o600)
    assert oci.config.from_file(str(config))["region"] == "us-ashburn-1"
