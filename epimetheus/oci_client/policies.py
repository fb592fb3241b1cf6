"""The IAM policy statement that each call to OCI needs, for errors and health checks. They agree with those in terraform/iam.tf.

https://docs.oracle.com/en-us/iaas/Content/Identity/Concepts/policysyntax.htm
"""

from dataclasses import dataclass
from typing import Literal

_STATE_PERMISSIONS = ("OBJECT_READ", "OBJECT_CREATE", "OBJECT_OVERWRITE")
_LEDGER_PERMISSIONS = ("OBJECT_INSPECT", "OBJECT_READ", "OBJECT_CREATE")
DENIED = (403, 404)
"""OCI answers 404, sometimes 403, to a call that no policy allows."""


@dataclass(frozen=True)
class Policies:
    """The statements that the caller needs. ``subject`` is the placeholder for its group: NAME is what the operator replaces."""

    subject: Literal["dynamic-group NAME", "group NAME"] = "dynamic-group NAME"

    @property
    def audit_events(self) -> str:
        """For ListEvents."""
        return self._allow("read audit-events in tenancy")

    @property
    def compartments(self) -> str:
        """For ListCompartments."""
        return self._allow("inspect compartments in tenancy")

    @property
    def regions(self) -> str:
        """For ListRegionSubscriptions."""
        return self._allow("inspect tenancies in tenancy")

    @property
    def cloud_guard_config(self) -> str:
        """For GetConfiguration of Cloud Guard."""
        return self._allow("read cloud-guard-config in tenancy")

    @property
    def cloud_guard_problems(self) -> str:
        """For ListProblems and GetProblem."""
        return self._allow("read cloud-guard-problems in tenancy")

    def objects(self, bucket: str) -> str:
        """For GetObject and PutObject."""
        return self._manage_objects(bucket, _STATE_PERMISSIONS)

    def ledger(self, bucket: str) -> str:
        """For ListObjects, GetObject, and PutObject of objects that do not exist. Nothing is overwritten or deleted."""
        return self._manage_objects(bucket, _LEDGER_PERMISSIONS)

    def secret(self, ocid: str) -> str:
        """For GetSecretBundle."""
        return self._allow(f"read secret-bundles in tenancy where any {{target.secret.id='{ocid}'}}")

    def metrics(self, namespace: str, compartment: str) -> str:
        """For PostMetricData. ``compartment``: the OCID of the compartment or tenancy that the metrics are posted to."""
        scope = "tenancy" if compartment.startswith("ocid1.tenancy.") else f"compartment id {compartment}"
        return self._allow(f"use metrics in {scope} where target.metrics.namespace='{namespace}'")

    def _manage_objects(self, bucket: str, permissions: tuple[str, ...]) -> str:
        any_of = ", ".join(f"request.permission='{name}'" for name in permissions)
        return self._allow(f"manage objects in tenancy where all {{target.bucket.name='{bucket}', any {{{any_of}}}}}")

    def _allow(self, what: str) -> str:
        return f"Allow {self.subject} to {what}"


def with_policy(do: str, policy: str, status: int, code: str | None) -> str:
    """``do``, with the ``policy`` statement to add if OCI may have denied the call: it does not say whether the resource exists."""
    if not policy or status not in DENIED or code == "ObjectNotFound":
        return do
    return f"{do} If no policy allows this call, add this statement: {policy}".strip()
