"""The user that an action is done to: in CEF, LEEF, JSON and OCSF, for calls of the Identity API and events of identity domains."""

import json
from pathlib import Path

import pytest

from tests.render.helpers import body, cef, event, read_leef
from tests.render.ocsf_schema import validate_by_all

CASES = json.loads((Path(__file__).parents[1] / "data" / "meaning" / "target_user.json").read_text("utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_the_target_user_is_in_every_format(case):
    raw, (name, uid) = case["event"], case["user"]
    extension, attributes = cef(raw), read_leef(body(raw, format="leef"))[1]
    assert (extension.get("duser"), extension.get("duid")) == (name, uid)
    assert (attributes.get("targetUser"), attributes.get("targetUserId")) == (name, uid)
    added = json.loads(body(raw, format="json"))["epimetheus"]
    assert (added.get("targetUser"), added.get("targetUserId")) == (name, uid)
    read = json.loads(body(raw, format="ocsf"))
    validate_by_all(read)
    if read["class_uid"] in (3001, 3006):
        user = read.get("user", {})
        assert (user.get("name"), user.get("uid")) == (name or ("unknown" if user and not uid else None), uid)


def test_a_target_user_is_redacted_like_any_other_value():
    details = {"eventId": "admin.user.password.reset.success", "adminResourceName": "password=hidden", "adminResourceType": "User"}
    for form in ("cef", "leef", "json", "ocsf"):
        assert "hidden" not in body(event(additionalDetails=details), format=form)
    raw = event("UpdateUser", "com.oraclecloud.identityControlPlane.UpdateUser", resourceName="noor", resourceId="ocid1.user.oc1..n")
    assert cef(raw, redact=["data.resourceName"])["duser"] == "[redacted]"


def test_a_long_name_of_a_user_is_cut_to_the_length_of_its_key():
    raw = event("UpdateUser", "com.oraclecloud.identityControlPlane.UpdateUser", resourceName="n" * 2000, resourceId="ocid1.user.oc1..n")
    assert cef(raw)["duser"] == "n" * 1022 + "…"


def test_the_target_user_is_among_the_last_values_of_a_message_that_is_too_large():
    details = {"eventId": "admin.user.password.reset.success", "adminResourceName": "noor", "adminResourceType": "User"}
    raw = event(message="m" * 2000, identity={"userAgent": "u" * 2000}, resourceId="r" * 3000, additionalDetails=details)
    assert cef(raw, max_bytes=700)["duser"] == "noor"
    assert read_leef(body(raw, format="leef", max_bytes=700))[1]["targetUser"] == "noor"
