"""PEM text in the forms in which people paste it: the same certificate and key are read, or the error says what the text is instead."""

import base64
import re
import ssl

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from epimetheus.deliver.tls import certificate_expiry, tls_context
from epimetheus.errors import ConfigError
from epimetheus.pem import binary_form, certificates_text, read_certificates, read_private_key
from epimetheus.testing.syslog import Authority


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def ca(authority):
    return authority.ca.read_text()


@pytest.fixture(scope="module")
def pair(authority):
    client = authority.client()
    return client.cert.read_text(), client.key.read_text()


def on_one_line(text, separator):
    begin, *body, end = text.strip().splitlines()
    return separator.join((begin, *body, end))


def with_version(text, version):
    """The certificate with another version, which X.509 counts from 0; its signature is no longer valid."""
    start = b"\xa0\x03\x02\x01"
    return ssl.DER_cert_to_PEM_cert(ssl.PEM_cert_to_DER_cert(text).replace(start + b"\x02", start + bytes([version - 1]), 1))


FORMS = {
    "as it is": lambda text: text,
    "backslash n": lambda text: text.strip().replace("\n", "\\n"),
    "backslash n with a last one": lambda text: text.replace("\n", "\\n"),
    "two backslashes and n": lambda text: text.replace("\n", "\\\\n"),
    "backslash r n": lambda text: text.replace("\n", "\\r\\n"),
    "JSON string": lambda text: '"' + text.replace("/", "\\/").replace("\n", "\\n") + '"',
    "blanks": lambda text: on_one_line(text, " "),
    "tabs": lambda text: on_one_line(text, "\t"),
    "no line ends": lambda text: on_one_line(text, ""),
    "no spaces at all": lambda text: "".join(text.split()),
    "line ends for spaces": lambda text: text.replace(" ", "\n"),
    "no-break spaces": lambda text: on_one_line(text, "\u00a0"),
    "doubled line ends": lambda text: text.replace("\n", "\n\n"),
    "Windows line ends": lambda text: text.replace("\n", "\r\n"),
    "old Mac line ends": lambda text: text.replace("\n", "\r"),
    "indented": lambda text: "".join(f"    {line}\n" for line in text.splitlines()),
    "blanks at the ends of lines": lambda text: text.replace("\n", "  \n"),
    "BOM": lambda text: f"\ufeff{text}",
    "zero-width spaces": lambda text: text.replace("\n", "\u200b\n"),
    "shell continuation": lambda text: text.replace("\n", "\\\n"),
    "quoted": lambda text: f"'{text.strip()}'",
    "comments around": lambda text: f"# issued 2026, für uns\nsubject=CN = x\n{text}\n# end\n",
}


@pytest.mark.parametrize("form", FORMS)
def test_certificates_and_keys_are_read_in_every_form(ca, pair, form):
    change = FORMS[form]
    assert certificates_text(read_certificates("SYSLOG_CA", change(ca))) == ca
    assert read_private_key("SYSLOG_CLIENT_KEY", change(pair[1])).split() == pair[1].split()
    context = tls_context(change(ca), change(pair[0]), change(pair[1]))
    assert [each["subject"] for each in context.get_ca_certs()] == [tls_context(ca, None, None).get_ca_certs()[0]["subject"]]
    assert certificate_expiry(change(pair[0])) == certificate_expiry(pair[0])


def test_a_chain_on_one_line_and_a_key_in_the_same_text_are_read(ca, pair):
    both = (pair[1] + pair[0] + ca).replace("\n", "\\n")
    assert len(read_certificates("SYSLOG_CLIENT_CERT", both)) == 2
    assert isinstance(tls_context(ca, both, both), ssl.SSLContext)


def openssl_key(pair, **options):
    private = serialization.load_pem_private_key(pair[1].encode(), None)
    format = options.get("format", serialization.PrivateFormat.PKCS8)
    encryption = serialization.BestAvailableEncryption(b"x") if options.get("encrypted") else serialization.NoEncryption()
    return private.private_bytes(serialization.Encoding.PEM, format, encryption).decode()


@pytest.mark.parametrize("form", ["PKCS8", "TraditionalOpenSSL"])
def test_an_encrypted_key_is_told_from_a_foreign_one(ca, pair, form):
    encrypted = openssl_key(pair, encrypted=True, format=getattr(serialization.PrivateFormat, form))
    for text in (encrypted, on_one_line(encrypted, "\\n")):
        assert problems(ca, pair[0], text) == (
            "SYSLOG_CLIENT_KEY: it is encrypted; remove its passphrase, for example with: openssl pkey -in KEY.pem -out NEW.pem",
        )
    foreign = trustme.CA().issue_cert("other").private_key_pem.bytes().decode()
    assert problems(ca, pair[0], foreign) == (
        "SYSLOG_CLIENT_KEY is not the private key of SYSLOG_CLIENT_CERT; use the key with which it was requested",
    )
    assert problems(ca, ca + pair[0], pair[1]) == (
        "SYSLOG_CLIENT_KEY belongs to certificate 2 of SYSLOG_CLIENT_CERT; put that certificate first",
    )


def problems(ca, certificate=None, key=None):
    with pytest.raises(ConfigError) as caught:
        tls_context(ca, certificate, key)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value.problems


EXPECTED = "; expected PEM certificates"
KEY_EXPECTED = "; expected a PEM private key without a passphrase"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda ca, key: "", f"it is empty{EXPECTED}"),
        (lambda ca, key: "\ufeff\n", f"it is empty{EXPECTED}"),
        (lambda ca, key: "no certificate", f"it is not PEM text{EXPECTED}"),
        (lambda ca, key: key, f"it is a private key, not a certificate{EXPECTED}"),
        (lambda ca, key: ca.replace("CERTIFICATE", "CERTIFICATE REQUEST"),
            f"it is a certificate request; use the certificate that the authority issued for it{EXPECTED}"),
        (lambda ca, key: ca.replace("CERTIFICATE", "PKCS7"),
            f"it is PKCS#7; convert it, for example with: openssl pkcs7 -print_certs -in FILE -out FILE.pem{EXPECTED}"),
        (lambda ca, key: base64.b64encode(ca.encode()).decode(),
            f"it is PEM text that is also encoded in Base64; decode it, for example with: base64 -d{EXPECTED}"),
        (lambda ca, key: ca[:300], f"its last line is missing or does not match its first; copy the whole text again{EXPECTED}"),
        (lambda ca, key: ca + ca[:300], "its last line is missing or does not match its first; copy the whole text again"),
        (lambda ca, key: ca[:100] + ca[140:], "the certificate cannot be read, its text is incomplete or changed; copy it again"),
        (lambda ca, key: ca + ca[:100] + ca[140:],
            "certificate 2 of 2 cannot be read, its text is incomplete or changed; copy it again"),
        (lambda ca, key: with_version(ca, 2), "the certificate has X.509 version 2; use one of version 1 or 3"),
    ],
)  # fmt: skip
def test_text_that_is_no_certificate_is_described(ca, pair, change, problem):
    assert problems(change(ca, pair[1])) == (f"SYSLOG_CA: {problem}",)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda cert, key: cert, f"it is a certificate, not its private key{KEY_EXPECTED}"),
        (lambda cert, key: key.replace("EC PRIVATE", "PUBLIC").replace(" PRIVATE", " PUBLIC"), f"it is a public key{KEY_EXPECTED}"),
        (lambda cert, key: re.sub(r"(?:EC )?PRIVATE", "OPENSSH PRIVATE", key),
            f"it is a key in OpenSSH format; convert it, for example with: ssh-keygen -p -N '' -m pkcs8 -f FILE{KEY_EXPECTED}"),
        (lambda cert, key: key[:60] + key[80:], "the private key cannot be read, its text is incomplete or changed; copy it again"),
    ],
)  # fmt: skip
def test_text_that_is_no_private_key_is_described_and_not_quoted(ca, pair, change, problem):
    assert problems(ca, pair[0], change(*pair)) == (f"SYSLOG_CLIENT_KEY: {problem}",)


def test_binary_files_are_told_apart(authority, pair):
    certificate = read_certificates("SYSLOG_CA", authority.ca.read_text())[0]
    private = serialization.load_pem_private_key(pair[1].encode(), None)
    own = read_certificates("SYSLOG_CLIENT_CERT", pair[0])[0]
    none = serialization.NoEncryption()
    forms = {
        certificate.public_bytes(serialization.Encoding.DER): "DER; convert it, for example with: openssl x509 -inform der",
        private.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, none): "a private key in DER;",
        pkcs12.serialize_key_and_certificates(b"x", private, own, None, none): "PKCS#12 (.p12, .pfx); convert it,",
        "-----BEGIN".encode("utf-16"): "UTF-16 text; save it as UTF-8",
    }
    for data, form in forms.items():
        assert str(binary_form(data)).startswith(form)
    assert binary_form(b"\xff\xd8\xff") is None
