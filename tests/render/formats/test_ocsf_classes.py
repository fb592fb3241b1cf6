"""OCSF classes: sign-ons, users and groups have classes of their own; every event is valid by every version of the schema from 1.4."""

import json
from pathlib import Path

import pytest
from oci.identity import IdentityClient
from oci.identity_domains import IdentityDomainsClient
from ocsf_json_schema import get_ocsf_schema

from epimetheus.render.formats.ocsf_classes import ACCOUNT_CHANGE, API_ACTIVITY, AUTHENTICATION, GROUP_MANAGEMENT
from tests.render.helpers import body, event, fetched
from tests.render.ocsf_schema import validate_by_all, versions
from tests.render.test_golden import EVENTS, GOLDEN

CASES = json.loads((Path(__file__).parents[2] / "data" / "meaning" / "ocsf.json").read_text("utf-8"))
SAMPLES = Path(__file__).parents[2] / "data" / "samples"
"""Public examples of events, see tests/data/samples."""
OPERATIONS = {
    (3001, "Create"): ["CreateMe", "CreateUser"],
    (3001, "Delete"): ["DeleteUser"],
    (3001, "MFA Factor Disable"): ["CreateAuthenticationFactorsRemover", "CreateMyAuthenticationFactorsRemover", "DeleteMfaTotpDevice"],
    (3001, "MFA Factor Enable"): ["ActivateMfaTotpDevice", "CreateMfaTotpDevice"],
    (3001, "Other"): [
        "CreateMyAuthenticationFactorInitiator",
        "CreateMyAuthenticationFactorValidator",
        "GenerateTotpSeed",
        "PatchMe",
        "PatchUser",
        "PutMe",
        "PutUser",
        "PutUserCapabilitiesChanger",
        "PutUserStatusChanger",
        "UpdateUser",
        "UpdateUserCapabilities",
    ],
    (3001, "Password Change"): ["PutMePasswordChanger", "PutUserPasswordChanger"],
    (3001, "Password Reset"): ["CreateOrResetUiPassword", "PutUserPasswordResetter"],
    (3001, "Unlock"): ["UpdateUserState"],
    (3006, "Add User"): ["AddUserToGroup"],
    (3006, "Create"): ["CreateDynamicGroup", "CreateDynamicResourceGroup", "CreateGroup"],
    (3006, "Delete"): ["DeleteDynamicGroup", "DeleteDynamicResourceGroup", "DeleteGroup"],
    (3006, "Other"): [
        "PatchDynamicResourceGroup",
        "PatchGroup",
        "PutDynamicResourceGroup",
        "PutGroup",
        "UpdateDynamicGroup",
        "UpdateGroup",
    ],
    (3006, "Remove User"): ["RemoveUserFromGroup"],
}
"""Class and activity → the operations of the SDK's identity services; all others are API Activity."""


def ocsf(raw, **options):
    return json.loads(body(raw, format="ocsf", **options))


def value_at(tree, path):
    for key in path.split("."):
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_an_event_has_its_class(case):
    read = ocsf(case["event"])
    assert {path: value_at(read, path) for path in case["expected"]} == case["expected"]
    validate_by_all(read)


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_every_event_is_api_activity_with_ocsf_classes_api(case):
    read = ocsf(case["event"], ocsf_classes="api")
    assert (read["class_uid"], read["category_uid"], read["type_uid"] // 100) == (6003, 6, 6003)
    assert {"user", "group", "service"} & read.keys() == set()
    validate_by_all(read)


def test_the_versions_of_the_schema():
    assert versions() == ["1.4.0", "1.5.0", "1.6.0", "1.7.0", "1.8.0"]


@pytest.mark.parametrize("classes", ["auto", "api"])
@pytest.mark.parametrize("max_bytes", [0, 2400])
@pytest.mark.parametrize("name", EVENTS)
def test_a_golden_event_is_valid_by_every_version(name, max_bytes, classes):
    raw = (GOLDEN / "events" / f"{name}.json").read_bytes()
    if fetched(raw).event is not None:
        validate_by_all(ocsf(raw, max_bytes=max_bytes, ocsf_classes=classes))


@pytest.mark.parametrize("classes", ["auto", "api"])
@pytest.mark.parametrize("path", sorted(SAMPLES.iterdir()), ids=lambda path: path.stem)
def test_a_public_sample_is_valid_by_every_version(path, classes):
    validate_by_all(ocsf(path.read_bytes(), ocsf_classes=classes))


@pytest.mark.parametrize("event_class", [API_ACTIVITY, AUTHENTICATION, ACCOUNT_CHANGE, GROUP_MANAGEMENT], ids=lambda item: item.name)
@pytest.mark.parametrize("version", versions())
def test_classes_and_activities_are_those_of_the_schema(version, event_class):
    schema = next(schema for schema in get_ocsf_schema(version)["classes"].values() if schema["uid"] == event_class.uid)
    activities = schema["attributes"]["activity_id"]["enum"]
    assert (schema["caption"], event_class.uid // 1000) == (event_class.name, event_class.category_uid)
    assert {number: activities[str(number)]["caption"] for number in event_class.activities} == dict(event_class.activities)


@pytest.mark.parametrize(
    ("event_id", "type_uid"),
    [
        ("sso.auth.factor.success", 300206), ("sso.auth.factor.initiated", 300206), ("sso.auth.factor.validate.failure", 300206),
        ("sso.auth.factor.reset.success", 300111), ("sso.auth.factor.enroll.success", 300110), ("admin.user.suspended.success", 300105),
        ("admin.authenticationfactorsremover.create.success", 300111),
    ],
)  # fmt: skip
def test_a_changed_factor_or_user_is_no_sign_on(event_id, type_uid):
    read = ocsf(event("Unnamed", "com.oraclecloud.identitydomains.Unnamed", additionalDetails={"eventId": event_id}))
    assert read["type_uid"] == type_uid
    validate_by_all(read)


def operations(client):
    return sorted("".join(word.capitalize() for word in name.split("_")) for name in vars(client) if not name.startswith("_"))


def test_operations_of_the_identity_services():
    found = {}
    for name in sorted({name for client in (IdentityClient, IdentityDomainsClient) for name in operations(client)}):
        read = ocsf(event(name, f"com.oraclecloud.identityControlPlane.{name}"))
        if read["class_uid"] != API_ACTIVITY.uid:
            caption = read["type_name"].removeprefix(f"{read['class_name']}: ")
            found.setdefault((read["class_uid"], caption), []).append(name)
    assert found == OPERATIONS


def test_every_message_has_names_for_its_ids_and_a_region():
    read = ocsf(event("DeleteUser", "com.oraclecloud.identityControlPlane.DeleteUser", response={"status": "404"}))
    names = {key: read[key] for key in ("activity_name", "status", "severity", "class_name", "type_name")}
    assert names == {
        "activity_name": "Delete", "status": "Failure", "severity": "High", "class_name": "Account Change",
        "type_name": "Account Change: Delete",
    }  # fmt: skip
    assert read["cloud"] == {"provider": "OCI", "region": "us-ashburn-1"}
