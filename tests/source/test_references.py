"""What settings point to: read from where they say, or an error that names the setting and shows nothing of what was read."""

import traceback

import pytest
from oci.object_storage import ObjectStorageClient
from oci.secrets import SecretsClient

from epimetheus.errors import ConfigError, CredentialsError, SourceError
from epimetheus.oci_client.clients import make_client, oci_errors, sign_in
from epimetheus.source.references import ReferenceResolver
from epimetheus.testing.oci import World, mock_oci
from epimetheus.testing.oci.responses import secrets

OCID = "ocid1.vaultsecret.oc1..s"
HUSH = "hush-hush-hush"


@pytest.fixture
def world(api_key):
    world = World(api_key=api_key)
    world.bucket("b")
    return world


@pytest.fixture
def material(world, tmp_path):
    credentials = sign_in("config_file", str(world.credentials(tmp_path)), "DEFAULT")

    def client(kind):
        return make_client(kind, credentials, region=world.region, endpoint=None, seconds=0.5)

    def get_object(name):
        with oci_errors(f"reading the object {name}", do="Check."):
            return client(ObjectStorageClient).get_object(world.namespace, "b", name).data.content

    with mock_oci(world):
        yield ReferenceResolver(lambda: client(SecretsClient), get_object)


def nothing_shown(error):
    return HUSH[:4] not in "".join(traceback.format_exception(error)) and HUSH.encode() not in _chain(error)


def _chain(error):
    return b"" if error is None else getattr(error, "object", b"") + _chain(error.__cause__)


def test_a_value_that_points_nowhere_is_itself(material):
    assert material.read("RULES", None) is None
    for value in ("", "{}", "-----BEGIN CERTIFICATE-----\nfile:x", "files:x", '{"a":"vault:b"}'):
        assert material.read("RULES", value) == value


def test_files_secrets_and_objects_are_read(material, world, tmp_path):
    (tmp_path / "f").write_text("in a file: ä", "utf-8")
    world.secret(OCID, "in the vault: ö")
    world.put("b", "folder/o", "in the bucket: ü".encode())
    assert material.read("SYSLOG_CA", f"file:{tmp_path / 'f'}") == "in a file: ä"
    assert material.read("SYSLOG_CA", f"vault:{OCID}") == "in the vault: ö"
    assert material.read("SYSLOG_CA", "object:folder/o") == "in the bucket: ü"


@pytest.mark.parametrize(("name", "why"), [("missing", "No such file or directory"), ("", "Is a directory")])
def test_a_file_that_can_not_be_read_is_a_mistake_in_the_setting(material, tmp_path, name, why):
    with pytest.raises(ConfigError) as caught:
        material.read("SYSLOG_CA", f"file:{tmp_path}/{name}")
    assert caught.value.problems == (f"SYSLOG_CA=file:{tmp_path}/{name}: {why}; allowed is a file that can be read",)


def test_what_is_not_utf_8_is_said_to_be_so_and_not_shown(material, world, tmp_path):
    data = HUSH.encode() + b"\xff"
    (tmp_path / "f").write_bytes(data)
    world.secret(OCID, data)
    world.put("b", "o", data)
    for value in (f"file:{tmp_path / 'f'}", f"vault:{OCID}", "object:o"):
        with pytest.raises(ConfigError, match=f"SYSLOG_CLIENT_KEY: what .*{value[-1]} holds is not UTF-8 text") as caught:
            material.read("SYSLOG_CLIENT_KEY", value)
        assert nothing_shown(caught.value)


@pytest.mark.parametrize("content", [f"{HUSH}!", "aGk", "aGk=\n", "aä=="])
def test_a_secret_that_is_not_base64_is_said_to_be_so_and_not_shown(material, world, monkeypatch, content):
    world.secret(OCID, "x")
    answer = secrets.json_response({"secretBundleContent": {"contentType": "BASE64", "content": content}})
    monkeypatch.setattr(secrets, "json_response", lambda value: answer)
    with pytest.raises(SourceError, match=f"The secret {OCID} for SYSLOG_CLIENT_KEY is not base64") as caught:
        material.read("SYSLOG_CLIENT_KEY", f"vault:{OCID}")
    assert nothing_shown(caught.value)


@pytest.mark.parametrize(
    "bundle", [None, [], {}, {"secretBundleContent": None}, {"secretBundleContent": 7}, {"secretBundleContent": {"contentType": "BASE64"}}]
)
def test_an_answer_without_a_secret_is_not_understood(material, world, monkeypatch, bundle):
    world.secret(OCID, "x")
    answer = secrets.json_response(bundle)
    monkeypatch.setattr(secrets, "json_response", lambda value: answer)
    with pytest.raises(SourceError, match=f"OCI's answer was not understood while reading the secret {OCID} for SYSLOG_CA"):
        material.read("SYSLOG_CA", f"vault:{OCID}")


def test_what_is_not_there_or_not_allowed_is_refused_with_what_the_function_needs(material):
    with pytest.raises(SourceError, match=f"reading the secret {OCID} for SYSLOG_CA: 404 NotAuthorizedOrNotFound") as secret:
        material.read("SYSLOG_CA", f"vault:{OCID}")
    assert "read secret-bundles" in secret.value.do
    with pytest.raises(SourceError, match="SYSLOG_CA=object:o: OCI refused while reading the object o: 404 ObjectNotFound") as found:
        material.read("SYSLOG_CA", "object:o")
    assert "OBJECT_READ" in found.value.do


@pytest.mark.parametrize("kind", ["timeout", "reset", "cut", "stalled"])
def test_no_answer_is_told_from_a_refusal(material, world, kind):
    world.secret(OCID, HUSH)
    world.put("b", "o", HUSH.encode())
    world.faults.add(kind, times=None)
    for value in (f"vault:{OCID}", "object:o"):
        with pytest.raises(SourceError, match="OCI gave no answer while reading") as caught:
            material.read("SYSLOG_CA", value)
        assert nothing_shown(caught.value)


def test_what_is_no_answer_of_the_vaults_is_not_understood(material, world):
    world.secret(OCID, HUSH)
    world.faults.add("garbage")
    with pytest.raises(SourceError, match="OCI's answer was not understood while reading the secret"):
        material.read("SYSLOG_CA", f"vault:{OCID}")


def test_a_refused_signature_is_ours(material, world):
    world.keys.clear()
    for value in (f"vault:{OCID}", "object:o"):
        with pytest.raises(CredentialsError):
            material.read("SYSLOG_CA", value)
