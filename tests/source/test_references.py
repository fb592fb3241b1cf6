"""References in settings: they are resolved, or the error names the setting and includes nothing of what was read."""

import traceback

import pytest
from oci.object_storage import ObjectStorageClient
from oci.secrets import SecretsClient

from epimetheus.errors import ConfigError, CredentialsError, SourceError
from epimetheus.oci_client.clients import make_client, oci_errors, sign_in
from epimetheus.source.local_references import LocalReferences
from epimetheus.source.references import ReferenceResolver
from epimetheus.testing.oci import World, mock_oci
from epimetheus.testing.oci.responses import secrets

OCID = "ocid1.vaultsecret.oc1..s"
SECRET = "hush-hush-hush"


@pytest.fixture
def world(api_key):
    world = World(api_key=api_key)
    world.bucket("b")
    return world


@pytest.fixture
def resolver(world, tmp_path):
    credentials = sign_in("config_file", str(world.credentials(tmp_path)), "DEFAULT")

    def client(kind):
        return make_client(kind, credentials, region=world.region, endpoint=None, seconds=0.5)

    def get_object(name):
        with oci_errors(f"reading the object {name}", do="Check."):
            return client(ObjectStorageClient).get_object(world.namespace, "b", name).data.content

    with mock_oci(world):
        yield ReferenceResolver(lambda: client(SecretsClient), get_object)


def hides_secret(error):
    return SECRET[:4] not in "".join(traceback.format_exception(error)) and SECRET.encode() not in _chain(error)


def _chain(error):
    return b"" if error is None else getattr(error, "object", b"") + _chain(error.__cause__)


def test_any_other_value_is_literal(resolver):
    assert resolver.read("RULES", None) is None
    for value in ("", "{}", "-----BEGIN CERTIFICATE-----\nfile:x", "files:x", '{"a":"vault:b"}'):
        assert resolver.read("RULES", value) == value


def test_files_secrets_and_objects_are_resolved(resolver, world, tmp_path):
    (tmp_path / "f").write_text("in a file: ä", "utf-8")
    world.secret(OCID, "in the vault: ö")
    world.put("b", "folder/o", "in the bucket: ü".encode())
    assert resolver.read("SYSLOG_CA", f"file:{tmp_path / 'f'}") == "in a file: ä"
    assert resolver.read("SYSLOG_CA", f"vault:{OCID}") == "in the vault: ö"
    assert resolver.read("SYSLOG_CA", "object:folder/o") == "in the bucket: ü"


@pytest.mark.parametrize(("name", "why"), [("missing", "No such file or directory"), ("", "Is a directory")])
def test_an_unreadable_file_is_a_configuration_error(resolver, tmp_path, name, why):
    with pytest.raises(ConfigError) as caught:
        resolver.read("SYSLOG_CA", f"file:{tmp_path}/{name}")
    assert caught.value.problems == (f"SYSLOG_CA=file:{tmp_path}/{name}: {why}; expected a readable file",)


def test_content_that_is_not_utf_8_is_reported_and_not_shown(resolver, world, tmp_path):
    data = SECRET.encode() + b"\xff"
    (tmp_path / "f").write_bytes(data)
    world.secret(OCID, data)
    world.put("b", "o", data)
    for value in (f"file:{tmp_path / 'f'}", f"vault:{OCID}", "object:o"):
        with pytest.raises(ConfigError, match=f"SYSLOG_CLIENT_KEY: the content of .*{value[-1]} is not UTF-8 text") as caught:
            resolver.read("SYSLOG_CLIENT_KEY", value)
        assert hides_secret(caught.value)


def test_a_path_may_begin_with_the_home_folder(resolver, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "ca.pem").write_text("at home")
    assert resolver.read("SYSLOG_CA", "file:~/ca.pem") == "at home"
    assert resolver.read("SYSLOG_CA", "file: ~/ca.pem ") == "at home"


def test_the_binary_form_of_a_file_is_named(resolver, tmp_path):
    (tmp_path / "ca.der").write_bytes(b"\x30\x82\x02\x00\x30\x82\x01\xa6" + bytes([0xFF]) * 60)
    with pytest.raises(ConfigError, match=r"ca\.der is not UTF-8 text, but DER; convert it, for example with: openssl x509 -inform der"):
        resolver.read("SYSLOG_CA", f"file:{tmp_path / 'ca.der'}")


@pytest.mark.parametrize("content", [f"{SECRET}!", "aGk", "aGk=\n", "aä=="])
def test_a_secret_that_is_not_base64_is_reported_and_not_shown(resolver, world, monkeypatch, content):
    world.secret(OCID, "x")
    answer = secrets.json_response({"secretBundleContent": {"contentType": "BASE64", "content": content}})
    monkeypatch.setattr(secrets, "json_response", lambda value: answer)
    with pytest.raises(SourceError, match=f"Reading the secret {OCID} for SYSLOG_CLIENT_KEY failed: its content is not base64.") as caught:
        resolver.read("SYSLOG_CLIENT_KEY", f"vault:{OCID}")
    assert hides_secret(caught.value)


@pytest.mark.parametrize(
    "bundle", [None, [], {}, {"secretBundleContent": None}, {"secretBundleContent": 7}, {"secretBundleContent": {"contentType": "BASE64"}}]
)
def test_a_response_without_a_secret_is_an_error(resolver, world, monkeypatch, bundle):
    world.secret(OCID, "x")
    answer = secrets.json_response(bundle)
    monkeypatch.setattr(secrets, "json_response", lambda value: answer)
    with pytest.raises(SourceError, match=f"Reading the secret {OCID} for SYSLOG_CA failed: OCI returned an unexpected response"):
        resolver.read("SYSLOG_CA", f"vault:{OCID}")


def test_a_missing_or_forbidden_value_names_the_needed_policy(resolver):
    with pytest.raises(SourceError, match=f"Reading the secret {OCID} for SYSLOG_CA failed: OCI returned 404") as secret:
        resolver.read("SYSLOG_CA", f"vault:{OCID}")
    assert "read secret-bundles" in secret.value.do
    with pytest.raises(SourceError, match="SYSLOG_CA=object:o: Reading the object o failed: OCI returned 404 ObjectNotFound") as found:
        resolver.read("SYSLOG_CA", "object:o")
    assert found.value.do == "Put the object into STATE_BUCKET. Check."


@pytest.mark.parametrize("kind", ["timeout", "reset", "cut", "stalled"])
def test_a_missing_response_is_distinguished_from_an_error_response(resolver, world, kind):
    world.secret(OCID, SECRET)
    world.put("b", "o", SECRET.encode())
    world.faults.add(kind, times=None)
    for value in (f"vault:{OCID}", "object:o"):
        cause = r"^Reading .* failed: .* (?:did not respond in time|closed the connection|sent an incomplete response)\."
        with pytest.raises(SourceError, match=cause) as caught:
            resolver.read("SYSLOG_CA", value)
        assert hides_secret(caught.value)


def test_a_response_that_is_not_the_vaults_is_an_error(resolver, world):
    world.secret(OCID, SECRET)
    world.faults.add("garbage")
    with pytest.raises(SourceError, match=r"Reading the secret .* failed: OCI returned an unexpected response"):
        resolver.read("SYSLOG_CA", f"vault:{OCID}")


def test_a_rejected_signature_is_a_credentials_error(resolver, world):
    world.keys.clear()
    for value in (f"vault:{OCID}", "object:o"):
        with pytest.raises(CredentialsError):
            resolver.read("SYSLOG_CA", value)


@pytest.mark.parametrize("key", ["RULES", "SYSLOG_CA"])
def test_a_file_without_an_end_is_not_read_to_its_end(resolver, key):
    with pytest.raises(ConfigError) as caught:
        resolver.read(key, "file:/dev/zero")
    assert caught.value.problems == (f"{key}=file:/dev/zero: the file has more than 4,194,304 bytes; use the right file",)


def test_without_oci_a_file_and_a_text_are_read_and_other_references_are_errors(tmp_path):
    (tmp_path / "rules.json").write_text("{}")
    local = LocalReferences()
    assert [local.read("RULES", value) for value in (f"file:{tmp_path}/rules.json", '{"a": 1}', None)] == ["{}", '{"a": 1}', None]
    for value in ("object:rules.json", "vault:ocid1.vaultsecret.oc1..x"):
        with pytest.raises(ConfigError) as caught:
            local.read("RULES", value)
        help = "this command does not read from OCI; save the object to a file, and use file:PATH"
        assert caught.value.problems == (f"RULES={value}: {help}",)
