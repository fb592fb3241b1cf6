"""The receiver's name must be in its certificate's subjectAltName: a common name alone is not accepted."""

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

HELP = (
    "Check SYSLOG_SERVER_NAME (SYSLOG_HOST by default): that name or address must be in the subjectAltName of the receiver's certificate;"
    " a common name (CN) alone is not accepted."
)


class CommonName(Authority):
    """Issues a server certificate with a common name, and other names only where there are some."""

    other = ()

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
        if self.other:
            certificate = certificate.add_extension(x509.SubjectAlternativeName(self.other), critical=False)
        signed = certificate.sign(self._authority._private_key, hashes.SHA256())
        pkcs8, open_ = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        written = Identity(self._folder / "cn.pem", self._folder / "cn.key")
        written.cert.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        written.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, pkcs8, open_))
        return written


@pytest.mark.parametrize(
    ("host", "other", "why"),
    [
        ("localhost", (), "Hostname mismatch, certificate is not valid for 'localhost'"),
        ("localhost", (x509.IPAddress(ipaddress.ip_address("127.0.0.1")),), "Hostname mismatch, certificate is not valid for 'localhost'"),
        ("127.0.0.1", (), "IP address mismatch, certificate is not valid for '127.0.0.1'"),
        ("localhost", (x509.DNSName("localhost"),), None),
        ("127.0.0.1", (x509.IPAddress(ipaddress.ip_address("127.0.0.1")),), None),
    ],
)
def test_a_certificate_with_a_common_name_and_no_subject_alternative_name_is_rejected(tmp_path, api_key, host, other, why):
    authority = CommonName(tmp_path / "common")
    authority.other = other
    with staged(tmp_path, api_key) as stage, receive(authority) as receiver:
        stage.receiver, stage.unruly = receiver, True
        stage.emit(stage.world.tenancy, 3, minutes_ago=20)
        settings = {"SYSLOG_HOST": host, "SYSLOG_PORT": str(receiver.port), "SYSLOG_CA": f"file:{authority.ca}"}
        if why is None:
            assert (stage.run(**settings).status, len(receiver.messages)) == ("ok", 3)
            return
        with pytest.raises(RunFailed) as failed:
            stage.run(**settings)
        assert receiver.messages == []
        assert f"The certificate of {host}:{receiver.port} is not trusted: {why}. {HELP}" in str(failed.value)
