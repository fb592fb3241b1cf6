"""The OCI configuration file as people write it: it is read, or the error says what to change. No secret is shown."""

import base64
import json
import re
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from oci.object_storage import ObjectStorageClient

from epimetheus.errors import CredentialsError
from epimetheus.oci_client.clients import make_client, sign_in
from epimetheus.oci_client.config_file import normalized_region
from epimetheus.testing.oci import World, mock_oci

SECRET = "hush-hush"


@pytest.fixture
def world(api_key):
    return World(api_key=api_key, regions=["us-phoenix-1"])


@pytest.fixture
def config(world, tmp_path):
    """The path of a config file; ``api_key.pem`` is next to it."""
    return world.credentials(tmp_path)


def line(name, text):
    """Replace the line of ``name``; None removes it."""

    def change(config):
        return re.sub(rf"^{name}=.*\n", lambda _: "" if text is None else f"{text}\n", config, flags=re.MULTILINE)

    return change


def signs(world, config, profile="DEFAULT"):
    """Sign in, make a request that OCI accepts, and return the credentials."""
    credentials = sign_in("config_file", str(config), profile)
    with mock_oci(world):
        client = make_client(ObjectStorageClient, credentials, region=credentials.region, endpoint=None, seconds=5)
        assert client.get_namespace().data == "axexample"
    return credentials


def error_of(config, profile="DEFAULT"):
    with pytest.raises(CredentialsError) as caught:
        sign_in("config_file", str(config), profile)
    assert SECRET not in str(caught.value)
    assert not re.search(r"Error\b|\{|Exception", caught.value.what), "raw Python"
    assert caught.value.what.isprintable()
    head, _, cause = caught.value.what.partition(" failed: ")
    assert head == "Loading the credentials for OCI_AUTH=config_file"
    return cause.replace(str(config), "CONFIG").replace(str(config.parent), "FOLDER")


REGIONS = {
    "region=us-ashburn-1": "us-ashburn-1",
    "region=iad": "us-ashburn-1",
    "region=IAD": "us-ashburn-1",
    'region="us-ashburn-1"': "us-ashburn-1",
    "region='phx'": "us-phoenix-1",
    "region=\u201cus-ashburn-1\u201d": "us-ashburn-1",
    "region=us-ashburn-1   # home region": "us-ashburn-1",
    "region=us-ashburn-1 ; home region": "us-ashburn-1",
    'region = "us-phoenix-1" # second': "us-phoenix-1",
    "region: us-ashburn-1": "us-ashburn-1",
    "region=US-ASHBURN-1": "us-ashburn-1",
    "region=  us-ashburn-1\t": "us-ashburn-1",
    "REGION=us-ashburn-1": "us-ashburn-1",
}


@pytest.mark.parametrize("text", REGIONS)
def test_a_region_is_read_as_people_write_it(world, config, text):
    config.write_text(line("region", text)(config.read_text()))
    assert signs(world, config).region == REGIONS[text]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("region=us-ashburn1", "region=us-ashburn1: expected a region identifier such as eu-frankfurt-1 (did you mean us-ashburn-1?)."),
        ("region=Ashburn", "region=ashburn: expected a region identifier such as eu-frankfurt-1"),
        ("region=us-ashburn-1,us-phoenix-1", "region=us-ashburn-1,us-phoenix-1: expected a region identifier such as eu-frankfurt-1"),
        ("region=https://identity.us-ashburn-1.oraclecloud.com", "expected a region identifier such as eu-frankfurt-1"),
        ("region=", "region is missing."),
        ('region=""', "region is missing."),
        ("region=# none", "region is missing."),
        (None, "region is missing."),
    ],
)
def test_anything_else_is_no_region(config, text, what):
    config.write_text(line("region", text)(config.read_text()))
    assert error_of(config).startswith("profile DEFAULT of CONFIG: region")
    assert what in error_of(config)


def test_the_region_may_come_from_the_environment_as_for_the_sdk(config, monkeypatch):
    monkeypatch.setenv("OCI_REGION", "phx")
    config.write_text(line("region", None)(config.read_text()))
    assert sign_in("config_file", str(config), "DEFAULT").region == "us-phoenix-1"


def test_the_region_of_a_principal_may_be_a_region_key(world, tmp_path, monkeypatch):
    for name, value in world.resource_principal(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("OCI_RESOURCE_PRINCIPAL_REGION", "iad")
    assert sign_in("resource_principal", "", "").region == "us-ashburn-1"
    assert normalized_region("xx-nowhere-1") == "xx-nowhere-1"


FORMS = {
    "BOM": lambda text: f"\ufeff{text}",
    "Windows line ends": lambda text: text.replace("\n", "\r\n"),
    "quoted values": lambda text: re.sub(r"=(.*)$", r'="\1"', text, flags=re.MULTILINE),
    "comments after values": lambda text: re.sub(r"=(.*)$", r"=\1  # mine", text, flags=re.MULTILINE),
    "spaces around": lambda text: text.replace("=", " = "),
    "empty lines and comments": lambda text: f"# mine\n\n{text}\n; end\n",
    "capital fingerprint": lambda text: re.sub(r"fingerprint=.*", lambda match: match[0].upper(), text),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_config_file_is_read_in_every_form(world, config, form):
    config.write_bytes(FORMS[form](config.read_text()).encode())
    credentials = signs(world, config)
    assert (credentials.tenancy, credentials.region, credentials.principals) == (world.tenancy, "us-ashburn-1", (world.user,))


@pytest.mark.parametrize(
    "change",
    [
        lambda pem: f"\ufeff{pem}",
        lambda pem: pem.strip().replace("\n", "\\n"),
        lambda pem: pem.replace("\n", "\r\n\r\n"),
        lambda pem: f"{pem}OCI_API_KEY\n",
        lambda pem: "".join(f"  {each}\n" for each in pem.splitlines()),
    ],
    ids=["BOM", "backslash n", "doubled line ends", "OCI_API_KEY", "indented"],
)
def test_a_key_file_is_read_in_every_form(world, config, change):
    key = config.parent / "api_key.pem"
    key.write_bytes(change(key.read_text()).encode())
    signs(world, config)


def test_a_path_with_a_number_sign_and_one_in_the_home_folder_are_read(world, config, monkeypatch):
    monkeypatch.setenv("HOME", str(config.parent))
    (config.parent / "api_key.pem").rename(config.parent / "my #1 key.pem")
    config.write_text(line("key_file", "key_file=~/my #1 key.pem")(config.read_text()))
    signs(world, config)


def test_another_profile_inherits_from_default(world, config):
    config.write_text(config.read_text() + "[OTHER]\nregion=us-phoenix-1\n")
    assert signs(world, config, "OTHER").region == "us-phoenix-1"


def encrypted(api_key, form, secret=SECRET):
    encryption = serialization.BestAvailableEncryption(secret.encode())
    return api_key.private.private_bytes(serialization.Encoding.PEM, getattr(serialization.PrivateFormat, form), encryption)


@pytest.mark.parametrize("form", ["PKCS8", "TraditionalOpenSSL"])
def test_a_key_with_a_pass_phrase_signs(world, config, api_key, form):
    (config.parent / "api_key.pem").write_bytes(encrypted(api_key, form))
    at = "profile DEFAULT of CONFIG: key_file=FOLDER/api_key.pem"
    assert error_of(config) == f"{at} is encrypted; set pass_phrase in the profile."
    config.write_text(config.read_text() + f"pass_phrase={SECRET}!\n")
    assert error_of(config) == f"{at} cannot be decrypted with the pass_phrase of the profile."
    config.write_text(config.read_text().replace(f"{SECRET}!", "\u00dc"))
    assert error_of(config) == f"{at} cannot be decrypted with the pass_phrase of the profile."
    config.write_text(config.read_text().replace("\u00dc", SECRET))
    signs(world, config)


def test_a_pass_phrase_is_used_as_it_is(world, config, api_key):
    (config.parent / "api_key.pem").write_bytes(encrypted(api_key, "PKCS8", '"a # b"'))
    config.write_text(config.read_text() + 'pass_phrase="a # b"\n')
    signs(world, config)


def test_a_missing_config_file_or_profile_is_reported(config):
    absent = config.parent / "absent"
    assert error_of(absent) == "CONFIG: No such file or directory. Create it with `oci setup config`, or set OCI_CONFIG_FILE."
    config.write_text(config.read_text() + "[ADMIN]\n[DEV]\n")
    assert error_of(config, "NOPE") == "CONFIG has no profile NOPE; its profiles are DEFAULT, ADMIN, DEV."


def test_the_home_folder_of_an_unknown_user_is_a_missing_file():
    assert error_of(Path("~nouser/config")).replace("CONFIG", "~nouser/config").startswith("~nouser/config: No such file or directory")


@pytest.mark.parametrize("name", ["user", "fingerprint", "tenancy", "key_file"])
def test_a_missing_line_is_named(config, name):
    config.write_text(line(name, None)(config.read_text()))
    assert error_of(config) == f"profile DEFAULT of CONFIG: {name} is missing."


def test_every_problem_of_a_profile_is_reported_at_once(config):
    config.write_text("[DEFAULT]\nregion=nowhere\nuser=me\n")
    assert error_of(config) == (
        "profile DEFAULT of CONFIG: tenancy is missing; user is malformed, expected a user OCID; fingerprint is missing;"
        " key_file is missing; region=nowhere: expected a region identifier such as eu-frankfurt-1."
    )


@pytest.mark.parametrize("name", ["user", "fingerprint", "tenancy"])
@pytest.mark.parametrize("value", [SECRET, f"ocid1.{SECRET}", "aa:bb"])
def test_a_malformed_line_is_named_and_not_shown(config, name, value):
    config.write_text(line(name, f"{name}={value}")(config.read_text()))
    assert error_of(config).startswith(f"profile DEFAULT of CONFIG: {name} is malformed, expected ")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "is not a private key in PEM."),
        (SECRET.encode(), "is not a private key in PEM."),
        (b"-----BEGIN PRIVATE KEY-----\nhush-hush\n-----END PRIVATE KEY-----\n", "is not a private key in PEM."),
        (b"\xff\xfe-\0", "is not UTF-8 text, but UTF-16 text; save it as UTF-8."),
    ],
)
def test_an_invalid_key_is_reported_and_not_shown(config, content, what):
    (config.parent / "api_key.pem").write_bytes(content)
    assert error_of(config).endswith(f"FOLDER/api_key.pem {what}")


def test_a_missing_key_is_reported_with_its_path(config):
    (config.parent / "api_key.pem").unlink()
    assert error_of(config) == "FOLDER/api_key.pem: No such file or directory. Correct key_file in profile DEFAULT of CONFIG."


def test_a_public_key_is_distinguished_from_a_private_one(config, api_key):
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    (config.parent / "api_key.pem").write_bytes(api_key.private.public_key().public_bytes(serialization.Encoding.PEM, form))
    assert error_of(config).endswith("api_key.pem is a public key; use the private key that belongs to it.")


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda text: text.replace("[DEFAULT]", f"pass_phrase={SECRET}"),
            "line 1 comes before any profile; begin the file with a line such as [DEFAULT]."),
        (lambda text: text + f"{SECRET} is no line\n", "line 7 is not of the form NAME=VALUE."),
        (lambda text: text + f"pass_phrase={SECRET}\npass_phrase={SECRET}\n",
            "line 8 sets a name that the profile already sets; remove one of the lines."),
        (lambda text: text + f"[{SECRET}]\n[{SECRET}]\n", "line 8 begins a profile that already exists; keep one of them."),
        (lambda text: "\0" + SECRET, "line 1 comes before any profile; begin the file with a line such as [DEFAULT]."),
        (lambda text: "", "profile DEFAULT of CONFIG: tenancy is missing"),
    ],
    ids=["no section", "invalid line", "duplicate", "duplicate profile", "binary", "empty"],
)  # fmt: skip
def test_an_invalid_config_file_is_reported_and_not_shown(config, change, what):
    config.write_text(change(config.read_text()))
    assert what in error_of(config)


def test_a_config_file_in_utf_16_is_reported(config):
    config.write_bytes(config.read_text().encode("utf-16"))
    assert error_of(config) == "CONFIG is not UTF-8 text, but UTF-16 text; save it as UTF-8."


def session(world, config, **claims):
    """Write the profile of `oci session authenticate`, without a user. Returns the token."""
    claims = {"sub": world.user, "tenant": world.tenancy, "exp": int(time.time()) + 3600, **claims}
    parts = ({"alg": "RS256"}, {name: claim for name, claim in claims.items() if claim is not None}, "unsigned")
    token = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    (config.parent / "token").write_text(f"{token}\n")
    world.keys[f"ST${token}"] = next(iter(world.keys.values()))
    config.write_text(line("user", f"security_token_file={config.parent / 'token'}")(config.read_text()))
    return token


@pytest.mark.parametrize("token", [False, True], ids=["API key", "session token"])
def test_the_private_key_is_loaded_once(world, config, monkeypatch, token):
    """Loading checks the key, which takes 0.2 s of CPU for 4,096 bits."""
    loaded, load = [], serialization.load_pem_private_key
    monkeypatch.setattr(serialization, "load_pem_private_key", lambda *given, **named: loaded.append(given) or load(*given, **named))
    if token:
        session(world, config)
    signs(world, config)
    assert len(loaded) == 1


def test_the_profile_of_a_session_token_signs(world, config):
    session(world, config)
    credentials = signs(world, config)
    assert (credentials.tenancy, credentials.region, credentials.principals) == (world.tenancy, "us-ashburn-1", (world.user,))
    config.write_text(config.read_text().replace("security_token_file=", "user=ocid1.user.oc1..other\nsecurity_token_file="))
    assert signs(world, config).principals == (world.user,)


def test_a_session_token_without_a_user_signs(world, config):
    session(world, config, sub=None)
    assert signs(world, config).principals == ()


def test_an_expired_session_token_is_reported_with_its_time_and_not_shown(world, config):
    token = session(world, config, exp=1767225600)
    error = error_of(config)
    assert error == (
        "profile DEFAULT of CONFIG: the session token expired at 2026-01-01T00:00:00Z; sign in again with `oci session authenticate`,"
        " or refresh the token before it expires with `oci session refresh`."
    )
    assert token not in error


@pytest.mark.parametrize("content", ["", SECRET, f"{SECRET}.{SECRET}.{SECRET}", json.dumps({"token": SECRET})])
def test_a_file_without_a_session_token_is_reported_and_not_shown(world, config, content):
    session(world, config)
    (config.parent / "token").write_text(content)
    assert "security_token_file=FOLDER/token contains no session token; sign in again with `oci session authenticate`" in error_of(config)
    (config.parent / "token").unlink()
    assert error_of(config).startswith("FOLDER/token: No such file or directory. For profile DEFAULT of CONFIG, sign in again with")


def test_a_delegation_token_is_not_supported(config):
    config.write_text(config.read_text() + "delegation_token_file=/x\n")
    assert error_of(config) == (
        "profile DEFAULT of CONFIG has a delegation token (Cloud Shell), which is not supported; use an API key or a session token."
    )


def test_the_repr_of_credentials_hides_secrets(config):
    config.write_text(config.read_text() + f"pass_phrase={SECRET}\n")
    assert SECRET not in repr(sign_in("config_file", str(config), "DEFAULT"))


def test_a_file_without_an_end_is_not_read_to_its_end(config):
    assert error_of(Path("/dev/zero")).startswith("CONFIG has more than 1,048,576 bytes. Create it with `oci setup config`")
    config.write_text(line("key_file", "key_file=/dev/zero")(config.read_text()))
    assert error_of(config).startswith("/dev/zero has more than 1,048,576 bytes. Correct key_file in profile DEFAULT of CONFIG")
