"""Addresses and ports in ``identity.ipAddress``, as CEF and LEEF send them."""

import pytest

from tests.render.helpers import body, cef, event, read_leef


@pytest.mark.parametrize(
    ("text", "in_cef", "in_leef"),
    [
        ("1.2.3.4:53423,10.0.0.1:80", ("1.2.3.4", "53423", "10.0.0.1", "80", None, None), ("1.2.3.4", "53423", "10.0.0.1", "80", None)),
        ("[2001:db8::1]:443;1.2.3.4", (None, "443", "1.2.3.4", None, "2001:db8::1", None), ("2001:db8::1", "443", "1.2.3.4", None, None)),
        ("[2001:db8::1]", (None, None, None, None, "2001:db8::1", None), ("2001:db8::1", None, None, None, None)),
        ("10.0.0.1 10.0.0.2", ("10.0.0.1", None, "10.0.0.2", None, None, None), ("10.0.0.1", None, "10.0.0.2", None, None)),
        ("10.0.0.1\t2001:db8::1", ("10.0.0.1", None, None, None, "2001:db8::1", None), ("10.0.0.1", None, "2001:db8::1", None, None)),
        ("None, 10.0.0.1", ("10.0.0.1", None, None, None, None, None), ("10.0.0.1", None, None, None, None)),
        ("[192.0.2.1]:443", ("192.0.2.1", "443", None, None, None, None), ("192.0.2.1", "443", None, None, None)),
        ("(null)", (None, None, None, None, None, None), (None, None, None, None, None)),
        ("a host", (None, None, None, None, None, "a host"), (None, None, None, None, "a host")),
        ("10.0.0.1:65536", (None, None, None, None, None, "10.0.0.1:65536"), (None, None, None, None, "10.0.0.1:65536")),
        ("10.0.0.1:", (None, None, None, None, None, "10.0.0.1:"), (None, None, None, None, "10.0.0.1:")),
        (
            "10.0.0.1,10.0.0.2,10.0.0.3:7,[2001:db8::1]:9,[2001:db8::2]:8",
            ("10.0.0.1", None, "10.0.0.2", None, "2001:db8::1", "10.0.0.3:7,[2001:db8::2]:8"),
            ("10.0.0.1", None, "10.0.0.2", None, "10.0.0.3:7,[2001:db8::1]:9,[2001:db8::2]:8"),
        ),
    ],
)
def test_addresses_and_ports(text, in_cef, in_leef):
    raw = event(identity={"ipAddress": text})
    cef_keys = ("src", "spt", "sourceTranslatedAddress", "sourceTranslatedPort", "c6a2", "shost")
    assert tuple(map(cef(raw).get, cef_keys)) == in_cef
    assert tuple(map(read_leef(body(raw, format="leef"))[1].get, ("src", "srcPort", "srcPostNAT", "srcPostNATPort", "srcOther"))) == in_leef


def test_a_long_address_in_the_details_is_no_address():
    assert "shost" not in cef(event("X", "com.oraclecloud.identitydomains.X", additionalDetails={"clientIp": "x" * 513}))
