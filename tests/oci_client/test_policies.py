"""The policy statements in errors are those that Terraform creates, and name the caller's kind of group."""

import re
from pathlib import Path

from epimetheus.oci_client.policies import Policies, with_policy

IAM = (Path(__file__).parents[2] / "terraform" / "iam.tf").read_text("utf-8")
BUCKETS = {"local.bucket": "audit", "local.ledger_bucket": "ledger"}
WHERE = re.compile(r"""(\w+_where) = join\("", \[\s+"all {target\.bucket\.name='\$\{(\S+)\}'",[^[]+\[([^]]+)\]""")
COMPARTMENT, TENANCY, SECRET = "ocid1.compartment.oc1..c", "ocid1.tenancy.oc1..t", "ocid1.vaultsecret.oc1..s"


def terraform_statements():
    """The statements for the function, with the values of a deployment in the place of Terraform's expressions."""
    wheres = {}
    for name, bucket, listed in WHERE.findall(IAM):
        any_of = ", ".join(f"request.permission='{each}'" for each in re.findall(r'"(OBJECT_\w+)"', listed))
        wheres[f"local.{name}"] = f"all {{target.bucket.name='{BUCKETS[bucket]}', any {{{any_of}}}}}"
    values = {
        "local.group": "NAME",
        "local.scope": "tenancy",
        **wheres,
        "local.metrics_scope": f"compartment id {COMPARTMENT}",
        "local.metrics_where": " where target.metrics.namespace='epimetheus'",
        "local.secrets_where": f" where any {{target.secret.id='{SECRET}'}}",
    }
    found = [each for each in re.findall(r'"(Allow dynamic-group .*)"', IAM) if "{local.bucket}" not in each]
    return {re.sub(r"\$\{([\w.]+)\}", lambda match: values[match[1]], statement) for statement in found}


def test_the_conditions_of_this_test_are_those_of_terraform():
    assert all(f"all {{target.bucket.name='${{{bucket}}}'" in IAM for bucket in BUCKETS)
    assert "target.metrics.namespace='${var.metrics_namespace}'" in IAM
    assert '''"target.secret.id='${each}'"''' in IAM


def test_every_statement_agrees_with_terraform():
    policies = Policies()
    statements = {
        policies.audit_events,
        policies.compartments,
        policies.regions,
        policies.cloud_guard_config,
        policies.cloud_guard_problems,
        policies.objects("audit"),
        policies.ledger("ledger"),
        policies.secret(SECRET),
        policies.metrics("epimetheus", COMPARTMENT),
    }
    other = "Allow dynamic-group NAME to use ons-topics in tenancy where request.permission='ONS_TOPIC_PUBLISH'"  # not a call of ours
    assert terraform_statements() == {*statements, other}


def test_the_statements_are_literal():
    user = Policies("group NAME")
    assert user.audit_events == "Allow group NAME to read audit-events in tenancy"
    assert user.compartments == "Allow group NAME to inspect compartments in tenancy"
    assert user.regions == "Allow group NAME to inspect tenancies in tenancy"
    assert user.objects("b") == (
        "Allow group NAME to manage objects in tenancy where all {target.bucket.name='b',"
        " any {request.permission='OBJECT_READ', request.permission='OBJECT_CREATE', request.permission='OBJECT_OVERWRITE'}}"
    )
    assert user.ledger("b") == (
        "Allow group NAME to manage objects in tenancy where all {target.bucket.name='b',"
        " any {request.permission='OBJECT_INSPECT', request.permission='OBJECT_READ', request.permission='OBJECT_CREATE'}}"
    )
    assert user.secret(SECRET) == f"Allow group NAME to read secret-bundles in tenancy where any {{target.secret.id='{SECRET}'}}"
    assert user.metrics("epimetheus", TENANCY) == "Allow group NAME to use metrics in tenancy where target.metrics.namespace='epimetheus'"


def test_a_statement_is_added_only_where_a_policy_may_be_missing():
    for status, code in ((404, "NotAuthorizedOrNotFound"), (404, "BucketNotFound"), (403, "NotAllowed")):
        assert with_policy("Check.", "Allow X", status, code) == "Check. If no policy allows this call, add this statement: Allow X"
    for status, code in ((500, "InternalServerError"), (429, "TooManyRequests"), (404, "ObjectNotFound"), (400, "InvalidParameter")):
        assert with_policy("Check.", "Allow X", status, code) == "Check."
    assert with_policy("Check.", "", 404, "NotAuthorizedOrNotFound") == "Check."
