"""Every secret field in the models of the installed OCI SDK is redacted, except the reviewed exceptions."""

import json
from pathlib import Path

import pytest

from epimetheus.render.redact.redactor import Redactor
from tests.support.sdk_fields import SecretFields, installed_fields

EXCEPTIONS = Path(__file__).parents[2] / "data" / "sdk_fields_not_redacted.txt"
SECRET = "Hunter2s3cr3tZq"


def exceptions():
    """Returns the reason for each field that is not redacted; the file has the names below lines of ``# reason``."""
    reasons: dict[str, str] = {}
    reason = ""
    for line in EXCEPTIONS.read_text().splitlines():
        if line.startswith("#"):
            reason = line[1:].strip()
        for name in line.split() if not line.startswith("#") else ():
            assert name not in reasons, name
            reasons[name] = reason
    return reasons


NOT_REDACTED = exceptions()


@pytest.fixture(scope="module")
def redactor():
    return Redactor()


def test_every_secret_field_of_the_sdk_is_redacted(redactor):
    assert len(installed_fields()) > 350
    mismatches = []
    for name in installed_fields():
        raw = json.dumps({"eventType": "x", "data": {"stateChange": {"current": {name: SECRET}}}}).encode()
        for text in (redactor.json(raw).text(), redactor.text(f"{name}={SECRET}"), redactor.text(json.dumps({name: SECRET}))):
            if (SECRET in text) != (name in NOT_REDACTED):
                mismatches.append(name)
    assert sorted(set(mismatches)) == []


def test_every_exception_is_a_field_and_has_a_reason():
    assert sorted(set(NOT_REDACTED) - set(installed_fields())) == []
    assert all(NOT_REDACTED.values())


def test_the_list_is_derived_from_names_and_descriptions():
    fields = SecretFields()
    fields.add("admin_password", "The password.", "str")
    fields.add("seed", "The seed for the MFA TOTP device (Base32 encoded).", "str")
    fields.add("display_name", "A name.", "str")
    fields.add("wrapped_thing", "The private key, wrapped.", "str")
    fields.add("password_count", "How many.", "int")
    assert fields.names() == ["adminPassword", "seed", "wrappedThing"]
