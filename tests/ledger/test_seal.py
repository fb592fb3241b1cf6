"""The stored form of a seal: canonical, decoded as encoded, strict, and signed."""

import hashlib
import json
from base64 import b64decode

import msgspec
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from epimetheus.errors import ConfigError, SealDamaged
from epimetheus.ledger.seal import MOST_BYTES, MOST_ENTRIES, SealedEntry, digest, is_signed_by, pack, sign, signed_bytes, unpack
from epimetheus.ledger.seal_key import PublicKey, SealKey
from epimetheus.ledger.seal_name import SealName
from tests.ledger.samples import ENTRY, ROOT, SEAL

KEY_PEM = """-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
"""  # RFC 8032, section 7.1, test 1
PUBLIC_PEM = """-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----
"""
KEY, OTHER = SealKey.read("SEAL_KEY", KEY_PEM), SealKey.generate()
SIGNED = sign(SEAL, KEY)
PACKED, PACKED_SIGNED = pack(SEAL), pack(SIGNED)


def changed(seal, **members):
    return msgspec.structs.replace(seal, **members)


def damage(data):
    with pytest.raises(SealDamaged) as caught:
        unpack(data, "seals/x")
    assert caught.value.what.startswith("The seal seals/x is damaged: ")
    return caught.value.what.removeprefix("The seal seals/x is damaged: ")


def test_a_packed_seal_is_canonical_json():
    assert PACKED == (
        b'{"behind":1,"counts":{"duplicates":1,"fetched":7,"filtered":{"rate_limited":2},"forwarded":4,"late":1,"malformed":0,'
        b'"unconfirmed":0},"coverage":{"compartments":{"excluded":0,"existing":3,"polled":3,"unlisted":0,"unreadable":1},'
        b'"home_polled":true,"regions":{"excluded":["us-ashburn-1"],"polled":["eu-frankfurt-1"],"subscribed":["eu-frankfurt-1",'
        b'"us-ashburn-1"],"uncovered":[]}},"entries":[{"name":"2026/11/30/20261130T0645Z-20261130T0100Z-29401234-ab12cd34ef56-0001-poll",'
        b'"sha256":"' + b"ef" * 32 + b'"}],"field_map_sha256":null,"hostname":null,"ledger_days":35,'
        b'"messages":{"count":5,"sha256":"' + b"cd" * 32 + b'"},'
        b'"position":{"after":"2026-11-30T06:45:00Z","before":"2026-11-30T06:00:00Z"},"previous":{"sequence":122,"sha256":"'
        + b"34" * 32 + b'"},"product_version":"0.1.0","reconciled":{"1440":"2026-11-29T06:00:00Z","60":"2026-11-30T05:00:00Z"},'
        b'"region":"eu-frankfurt-1","rules_sha256":"' + b"12" * 32 + b'","run":"ab12cd34ef56",'
        b'"seal_messages":{"confirmed":121,"enabled":true},"sequence":123,"signature":null,'
        b'"status":"partial","tenancy":"ocid1.tenancy.oc1..r","time":"2026-11-30T06:47:04Z","unsealed_runs":[],"version":1}'
    )  # fmt: skip
    assert unpack(PACKED, "here") == SEAL


def test_the_form_is_what_other_implementations_of_canonical_json_write():
    assert json.dumps(json.loads(PACKED_SIGNED), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() == PACKED_SIGNED


def test_the_signature_is_ed25519_over_the_canonical_json_without_it():
    signature = json.loads(PACKED_SIGNED).pop("signature")
    without = {name: value for name, value in json.loads(PACKED_SIGNED).items() if name != "signature"}
    data = json.dumps(without, sort_keys=True, separators=(",", ":")).encode()
    der = b64decode("MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
    assert signed_bytes(SIGNED) == signed_bytes(SEAL) == data
    assert signature["algorithm"] == "Ed25519"
    # openssl pkey -pubin -outform DER | openssl dgst -sha256 -binary | base64
    assert signature["key"] == KEY.public.fingerprint == "SHA256:BuP9j9opu2CrWVV95h7bCuzbIxE0vjDnW0Vfjht5L6k"
    assert b64decode(signature["key"].removeprefix("SHA256:") + "=") == hashlib.sha256(der).digest()
    assert KEY.public.verifies(b64decode(signature["value"]), data)


def test_a_signature_is_verified_with_its_key_only():
    [public] = PublicKey.read("public.pem", PUBLIC_PEM)
    assert public.fingerprint == KEY.public.fingerprint
    assert is_signed_by(unpack(PACKED_SIGNED, "here"), public)
    assert not is_signed_by(SIGNED, OTHER.public)
    assert not is_signed_by(SEAL, public)
    assert not is_signed_by(changed(SIGNED, behind=0), public)
    assert not is_signed_by(changed(SIGNED, signature=sign(changed(SEAL, behind=0), KEY).signature), public)
    assert is_signed_by(sign(SIGNED, OTHER), OTHER.public)


def test_keys_are_read_and_written_as_pem():
    assert KEY.pem().decode() == KEY_PEM
    assert KEY.public.pem() == PUBLIC_PEM
    two = PublicKey.read("public.pem", PUBLIC_PEM + OTHER.public.pem())
    assert [key.fingerprint for key in two] == [KEY.public.fingerprint, OTHER.public.fingerprint]
    assert SealKey.read("SEAL_KEY", KEY_PEM.replace("\n", "\\n")).public.fingerprint == KEY.public.fingerprint


RSA = "-----BEGIN PUBLIC KEY-----\nMFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAL8d0j1M1b1o3m0oW4k8xq2g4mU1q0cVxJtKz0l5o3Vn\n-----END PUBLIC KEY-----"
EC_PUBLIC = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==
-----END PUBLIC KEY-----"""
EC_PRIVATE = """-----BEGIN PRIVATE KEY-----
MEECAQAwEwYHKoZIzj0CAQYIKoZIzj0DAQcEJzAlAgEBBCAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQ==
-----END PRIVATE KEY-----"""


@pytest.mark.parametrize(
    ("read", "text", "what"),
    [
        (SealKey.read, PUBLIC_PEM, "k: it is a public key; expected a PEM private key without a passphrase"),
        (SealKey.read, "nothing", "k: it is not PEM text; expected a PEM private key without a passphrase"),
        (SealKey.read, EC_PRIVATE, "k: the key is not an Ed25519 key; create one with `epimetheus seal keygen`"),
        (PublicKey.read, KEY_PEM, "k: it is a private key, not a public key; expected PEM public keys"),
        (PublicKey.read, "", "k: it is empty; expected PEM public keys"),
        (PublicKey.read, EC_PUBLIC, "k: the key is not an Ed25519 key; create one with `epimetheus seal keygen`"),
        (PublicKey.read, RSA, "k: the public key cannot be read, its text is incomplete or changed; copy it again"),
        (PublicKey.read, PUBLIC_PEM + PUBLIC_PEM[:60], "k: its last line is missing or does not match its first; copy the whole text"
         " again"),
    ],
)  # fmt: skip
def test_another_text_is_not_a_key(read, text, what):
    with pytest.raises(ConfigError) as caught:
        read("k", text)
    assert caught.value.problems == (what,)
    assert "MC4CAQAw" not in repr(caught.value)


def test_another_kind_of_pem_text_is_named():
    certificate, expected = trustme.CA().cert_pem.bytes().decode(), "; expected PEM public keys"
    for text, what in (
        (certificate, f"it is a certificate, not a public key{expected}"),
        (certificate.replace("CERTIFICATE", "CERTIFICATE REQUEST"), f"it is a certificate request, not a public key{expected}"),
        (certificate[:200], f"its last line is missing or does not match its first; copy the whole text again{expected}"),
        (KEY_PEM.replace("PRIVATE", "OPENSSH PRIVATE"), f"it is a private key, not a public key{expected}"),
        (KEY_PEM.replace("PRIVATE KEY", "X"), f"it is PEM text of another kind{expected}"),
        (KEY_PEM.replace("PRIVATE", "RSA PUBLIC"), "the key is not an Ed25519 key; create one with `epimetheus seal keygen`"),
    ):
        with pytest.raises(ConfigError) as caught:
            PublicKey.read("k", text)
        assert caught.value.problems == (f"k: {what}",)


@given(st.integers(min_value=0), st.integers(1, 255))
def test_a_changed_byte_is_detected_or_changes_what_is_signed(at, change):
    data = bytearray(PACKED_SIGNED)
    data[at % len(data)] ^= change
    try:
        seal = unpack(bytes(data), "here")
    except SealDamaged:
        return
    assert digest(bytes(data)) != digest(PACKED_SIGNED)
    assert not is_signed_by(seal, KEY.public)


def test_every_truncation_is_detected():
    for end in range(len(PACKED)):
        damage(PACKED[:end])


@given(st.binary())
def test_any_other_bytes_are_damaged(data):
    damage(data)


OTHER_FORM = "it is not in the form in which it is written."
TWICE = f'{{"name":"{ENTRY.name.text()}","sha256":"{"ef" * 32}"}}'.encode()


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (b'"version":1', b'"version":2', "its member version is not valid."),
        (b'"behind":1', b'"behind": 1', OTHER_FORM),
        (b'"behind":1', b'"behind":1.0', "its member behind is not valid."),
        (b'"behind":1', b'"behind":1,"behind":1', OTHER_FORM),
        (b'"behind":1', b'"behind":-1', "its member behind is not valid."),
        (b'"behind":1', b'"behind":9007199254740992', "its member behind is not valid."),
        (b'"behind":1', b'"behind":1,"ahead":1', "it has an unknown member."),
        (b'"behind":1,', b"", "it lacks the member behind."),
        (b'"run":"ab12', b'"run":"\\u006112', OTHER_FORM),
        (b'"run":"ab12', b'"run":"ab/12', "its member run is not valid."),
        (b'"run":"ab12', b'"run":"-ab12', "its member run is not valid."),
        (b'"tenancy":"ocid1', b'"tenancy":"ocid 1', "its member tenancy is not valid."),
        (b'"tenancy":"ocid1', '"tenancy":"öcid1'.encode(), "its member tenancy is not valid."),
        (b'"status":"partial"', b'"status":"done"', "its member status is not valid."),
        (b'"sequence":123', b'"sequence":124', "its sequence number does not follow that of the previous seal."),
        (b'"sequence":123', b'"sequence":0', "its member sequence is not valid."),
        (b'"previous":{"sequence":122,"sha256":"' + b"34" * 32 + b'"}', b'"previous":null', "its sequence number does not follow"),
        (b'"sha256":"cdcd', b'"sha256":"CDcd', "its member "),
        (b"06:47:04Z", b"06:47:04.0Z", "its time is not a whole second in UTC."),
        (b"06:47:04Z", b"06:61:04Z", "its time is not a whole second in UTC."),
        (b'"before":"2026-11-30T06:00:00Z"', b'"before":"2026-11-30T06:00:01Z"', "'2026-11-30T06:00:01Z' is not a whole minute in UTC."),
        (b'"60":"2026', b'"60":"6202-2026', "'6202-2026-11-30T05:00:00Z' is not a whole minute in UTC."),
        (b'"60":', b'"060":', "its member reconciled"),
        (b'"1440":"2026-11-29T06:00:00Z","60":"2026-11-30T05:00:00Z"',
         b'"60":"2026-11-30T05:00:00Z","1440":"2026-11-29T06:00:00Z"', OTHER_FORM),
        (b"-poll", b"-pull", "a name of an entry is not valid."),
        (TWICE, TWICE + b"," + TWICE, "it names an entry twice."),
        (b'"rate_limited"', b'"Rate limited"', "its member counts.filtered"),
        (PACKED[-1:], PACKED[-1:] + b"\n", OTHER_FORM),
    ],
)  # fmt: skip
def test_another_form_is_damaged(old, new, what):
    assert old in PACKED
    data = PACKED[: -len(old)] + new if PACKED.endswith(old) else PACKED.replace(old, new, 1)
    assert damage(data).startswith(what)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Ed25519", b"ed25519"),
        (b"SHA256:", b"SHA1:"),
        (b'=="},"status"', b'="},"status"'),
        (b'=="},"status"', b'"},"status"'),
    ],
)
def test_another_signature_is_damaged(old, new):
    assert old in PACKED_SIGNED
    damage(PACKED_SIGNED.replace(old, new))


def test_the_first_seal_has_no_previous_one():
    first = changed(SEAL, sequence=1, previous=None)
    assert unpack(pack(first), "here") == first
    with pytest.raises(ValueError, match="its sequence number does not follow"):
        pack(changed(SEAL, sequence=1))


def test_the_largest_seal_fits():
    prefix = f"2026/11/30/20261130T0645Z-20261130T0100Z-29401234-{'a' * 55}"
    names = [f"{prefix}{number:09d}-999999999-cloud_guard" for number in range(MOST_ENTRIES)]
    regions = [f"region-{number:03d}" + "x" * 50 for number in range(100)]
    coverage = changed(SEAL.coverage, regions=changed(SEAL.coverage.regions, subscribed=regions, polled=regions))
    entries = [SealedEntry(name=name, sha256="ef" * 32) for name in names]
    largest = changed(SIGNED, entries=entries, coverage=coverage, unsealed_runs=["r" * 64] * 100)
    assert len(pack(largest)) < MOST_BYTES
    with pytest.raises(ValueError, match="Expected `array` of length <= 4000"):
        pack(changed(largest, entries=[*entries, SealedEntry(name=ENTRY.name.text(), sha256="ef" * 32)]))


def test_more_than_a_megabyte_is_not_parsed():
    assert damage(b" " * (MOST_BYTES + 1)) == "it has 1,048,577 bytes; the maximum is 1,048,576."
    with pytest.raises(ValueError, match="Expected `str` matching regex"):
        pack(changed(SEAL, tenancy=ROOT * 100))


def test_a_name_has_the_day_the_sequence_number_and_the_run():
    assert SEAL.name.text() == "2026/11/30/0000000123-ab12cd34ef56.json"
    assert SealName.parse(SEAL.name.text()) == SEAL.name == SealName(20_787, 123, "ab12cd34ef56")


@pytest.mark.parametrize(
    "text",
    [
        "2026/11/30/123-ab12cd34ef56.json",
        "2026/11/30/0000000000-ab12cd34ef56.json",
        "2026/11/31/0000000123-ab12cd34ef56.json",
        "2026/13/30/0000000123-ab12cd34ef56.json",
        "2026/11/30/0000000123-ab12cd34ef56",
        "2026/11/30/0000000123-.json",
        "2026/11/30/0000000123-ab12.json.json",
        "2026/11/30/0000000123-ab12cd34ef56.json\n",
        "2026/11/30/x/0000000123-ab12cd34ef56.json",
        ENTRY.name.text(),
    ],
)
def test_other_text_is_not_the_name_of_a_seal(text):
    assert SealName.parse(text) is None
