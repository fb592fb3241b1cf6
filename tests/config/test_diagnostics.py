"""Typical mistakes of a new user: the message alone says what failed, for which resource, and what to do."""

import pytest

from epimetheus.errors import EpimetheusError
from epimetheus.testing.syslog import Authority

STATE = "oci://audit-state@axexample/epimetheus/us-ashburn-1.state"
OBJECTS = (
    "Check STATE_BUCKET and STATE_NAMESPACE. If no policy allows this call, add this statement: Allow group NAME to manage objects in"
    " tenancy where all {target.bucket.name='"
)
TRUST = "Check that SYSLOG_CA issued the receiver's certificate, and that SYSLOG_SERVER_NAME is a name in it."
ROOT = "ocid1.tenancy.oc1.."
LONG = ",".join(f"data.additionalDetails.path{number}" for number in range(200))


def rejecting(operation, status=404):
    return lambda stage, folder: stage.world.faults.add("status", status=status, operation=operation, times=None) and {}


def stopped_receiver(stage, folder):
    stage.receiver.stop()
    return {}


def other_authority(stage, folder):
    return {"SYSLOG_CA": f"file:{Authority(folder / 'other').ca}"}


def unchanged(stage, folder):
    return {}


MISTAKES = {
    "a wrong bucket": (unchanged, {"STATE_BUCKET": "no-such"}, "run_failed", ["404 BucketNotFound", "oci://no-such@axexample/", OBJECTS]),
    "a wrong namespace": (unchanged, {"STATE_NAMESPACE": "nope"}, "run_failed", ["404 NamespaceNotFound", "audit-state@nope/", OBJECTS]),
    "no policy for objects": (
        rejecting("PutObject"), {}, "run_failed",
        ["Writing the state", STATE.removesuffix("state"), "opc-request-id", OBJECTS],
    ),
    "no policy for events": (
        rejecting("ListEvents"), {}, "run_failed",
        ["0 of 1 compartment could be read", ROOT, "404 NotAuthorizedOrNotFound",
         "Allow dynamic-group NAME to read audit-events in tenancy"],
    ),
    "no policy for compartments": (
        rejecting("ListCompartments"), {}, "run_failed",
        [f"Listing the compartments of {ROOT}", "Allow group NAME to inspect compartments in tenancy"],
    ),
    "a different authority": (other_authority, {}, "run_failed", ["The certificate of localhost:", "not trusted", "local issuer", TRUST]),
    "a different name": (
        unchanged, {"SYSLOG_SERVER_NAME": "other.example.com"}, "run_failed",
        ["not valid for 'other.example.com'. Its names are localhost", "the subjectAltName of"],
    ),
    "a closed port": (
        stopped_receiver, {}, "run_failed", ["Connecting to localhost:", "failed: Connection refused", "Check SYSLOG_HOST and SYSLOG_PORT"]
    ),
    "no such host": (unchanged, {"SYSLOG_HOST": "no-such-host.invalid"}, "run_failed", ["no-such-host.invalid:", "Check SYSLOG_HOST"]),
    "a wrong region": (unchanged, {"REGIONS": "eu-nowhere-1"}, "run_failed", ["eu-nowhere-1: ", "401", "not subscribed", "check REGIONS"]),
    "too many settings": (
        unchanged, {"REDACT": LONG}, "configuration",
        ["the limit is 4096", "the largest are REDACT (", "refer to them with file:, vault: or object:"],
    ),
    "missing rules": (
        unchanged, {"RULES": "object:rules.json"}, "source",
        ["RULES=object:rules.json", "404 ObjectNotFound", "Put the object into STATE_BUCKET"],
    ),
    "no policy for the secret": (
        unchanged, {"SYSLOG_CA": "vault:ocid1.vaultsecret.oc1..x"}, "source",
        ["the secret ocid1.vaultsecret.oc1..x for SYSLOG_CA", "Allow group NAME to read secret-bundles in tenancy where any {"],
    ),
    "no credentials": (
        unchanged, {"OCI_CONFIG_FILE": "/nowhere/config"}, "credentials", ["/nowhere/config", "Check OCI_CONFIG_FILE and OCI_PROFILE"]
    ),
    "an unknown body": (unchanged, {"body": b"now"}, "request", ["The request was rejected: ", '{"action": "run"}']),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_message_is_sufficient(stage, tmp_path, mistake):
    prepare, changes, kind, parts = MISTAKES[mistake]
    stage.expect_problems = True
    stage.emit(stage.world.tenancy, 3, 30)
    with pytest.raises(EpimetheusError) as failed:
        stage.call(**changes, **prepare(stage, tmp_path))
    assert failed.value.kind == kind
    assert [part for part in parts if part not in str(failed.value)] == []
