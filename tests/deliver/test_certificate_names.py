"""The receiver's name must be in the subjectAltName of its certificate: a common name is not sufficient."""

import ipaddress
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from epimetheus.function.invoke import RunFailed
from epimetheus.testing.syslog import Authority, receive
from epimetheus.testing.syslog.authority import Identity
from tests.support.harness import staged

NO_NAME = "It has no name in a subjectAltName; its subject is CN=localhost"
HELP = (
    "Check SYSLOG_SERVER_NAME (default: SYSLOG_HOST): the subjectAltName of the receiver's certificate must contain this name or address;"
    " a common name (CN) is not sufficient."
)


class CommonNameAuthority(Authority):
    """Issues server certificates with a common name, and a subjectAltName only if ``alternative_names`` is set."""

    alternative_names = ()

    def server(self, *names, expired=False):
        del names, expired
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]))
            .issuer_name(x509.load_pem_x509_certificate(self.ca.read_bytes()).subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
        )
        if self.alternative_names:
            certificate = certificate.add_extension(x509.SubjectAlternativeName(self.alternative_names), critical=False)
        signed = certificate.sign(self._authority._private_key, hashes.SHA256())
        pkcs8, unencrypted = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        identity = Identity(self._folder / "cn.pem", self._folder / "cn.key")
        identity.cert.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        identity.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, pkcs8, unencrypted))
        return identity


@pytest.mark.parametrize(
    ("host", "names", "cause"),
    [
        ("localhost", (), f"Hostname mismatch, certificate is not valid for 'localhost'. {NO_NAME}"),
        ("localhost", (x509.IPAddress(ipaddress.ip_address("127.0.0.1")),),
            "Hostname mismatch, certificate is not valid for 'localhost'. Its names are 127.0.0.1"),
        ("127.0.0.1", (), f"IP address mismatch, certificate is not valid for '127.0.0.1'. {NO_NAME}"),
        ("localhost", tuple(map(x509.DNSName, ("siem.example.com", "*.syslog.example.com"))),
            "Hostname mismatch, certificate is not valid for 'localhost'. Its names are siem.example.com, *.syslog.example.com"),
        ("localhost", tuple(x509.DNSName(f"s{number}.example.com") for number in range(10)),
            "Hostname mismatch, certificate is not valid for 'localhost'. Its names are "
            "s0.example.com, s1.example.com, s2.example.com, s3.example.com, s4.example.com, s5.example.com, s6.example.com, s7.example.com"
            " and 2 more"),
        ("localhost", (x509.DNSName("localhost"),), None),
        ("127.0.0.1", (x509.IPAddress(ipaddress.ip_address("127.0.0.1")),), None),
    ],
)
def test_a_certificate_needs_a_matching_subject_alternative_name(tmp_path, api_key, host, names, cause):
    authority = CommonNameAuthority(tmp_path / "common")
    authority.alternative_names = names
    with staged(tmp_path, api_key) as stage, receive(authority) as receiver:
        stage.receiver, stage.expect_problems = receiver, True
        stage.emit(stage.world.tenancy, 3, minutes_ago=20)
        settings = {"SYSLOG_HOST": host, "SYSLOG_PORT": str(receiver.port), "SYSLOG_CA": f"file:{authority.ca}"}
        if cause is None:
            assert (stage.run(**settings).status, len(receiver.messages)) == ("ok", 3)
            return
        with pytest.raises(RunFailed) as failed:
            stage.run(**settings)
        assert receiver.messages == []
        assert f"The certificate of {host}:{receiver.port} is not trusted: {cause}. {HELP}" in str(failed.value)
