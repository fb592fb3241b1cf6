"""A control plane for the stand-in provider: resources that are created, changed and deleted, with the behavior of the real provider and
of OCI that surprises people.

- An attribute that the configuration leaves out, and that OCI fills in, keeps its value (``kms_key_id`` of a bucket, for example).
- OCI adds the tags of the tenancy's tag defaults to every resource that has tags. The provider ignores those in ``ignore_defined_tags``.
- Some arguments cannot be changed: the resource is replaced.
- A bucket that has objects cannot be deleted, and a bucket with versioning has no retention rule.
"""

import itertools
from typing import Any

from tests.terraform.wire import UNKNOWN

Values = dict[str, Any]

REPLACED_BY: dict[str, tuple[str, ...]] = {
    "oci_objectstorage_bucket": ("name", "namespace", "storage_tier"),
    "oci_objectstorage_object": ("namespace", "bucket", "object", "content", "source"),
    "oci_objectstorage_object_lifecycle_policy": ("namespace", "bucket"),
    "oci_functions_application": ("display_name", "shape"),
    "oci_functions_function": ("application_id", "display_name"),
    "oci_core_vcn": ("cidr_block",),
    "oci_core_subnet": ("vcn_id", "cidr_block", "prohibit_public_ip_on_vnic"),
    "oci_core_public_ip": ("compartment_id", "lifetime"),
    "oci_core_nat_gateway": ("vcn_id",),
    "oci_core_network_security_group_security_rule": ("network_security_group_id", "direction", "destination", "destination_type"),
    "oci_identity_dynamic_group": ("compartment_id", "name"),
    "oci_identity_policy": ("compartment_id", "name"),
    "oci_kms_vault": ("vault_type",),
    "oci_kms_key": ("management_endpoint", "protection_mode", "key_shape"),
    "oci_logging_log": ("log_type", "configuration"),
    "oci_ons_notification_topic": ("name",),
    "oci_ons_subscription": ("compartment_id", "endpoint", "protocol", "topic_id"),
    "oci_vault_secret": ("secret_name", "vault_id", "key_id"),
}
"""Type → arguments whose change replaces the resource (``ForceNew``), as the provider's documentation has it."""

_UNIQUE = {"oci_objectstorage_bucket": "name", "oci_identity_policy": "name", "oci_identity_dynamic_group": "name"}
_SERVICE = {"id": "ocid1.service.oc1..all", "cidr_block": "all-fra-services-in-oracle-services-network"}


class CloudError(Exception):
    """What OCI answers, and the provider shows."""


class Cloud:
    """``tag_defaults``: defined tags that OCI adds. ``log``: every change, as ``verb type name``. ``in_use``: buckets that have objects."""

    def __init__(self, schema: Values, tag_defaults: Values | None = None) -> None:
        self.log: list[str] = []
        self.in_use: set[str] = set()
        self.tag_defaults = tag_defaults or {}
        self.resources: dict[tuple[str, str], Values] = {}
        self._schema, self._ids, self._ignored = schema, itertools.count(1), frozenset[str]()

    def configure(self, config: Values) -> None:
        """ConfigureProvider. Both providers of the module are this one, so they are configured alike."""
        self._ignored = frozenset(config["ignore_defined_tags"] or ())

    def read_data(self, kind: str, config: Values) -> Values:
        """ReadDataSource."""
        tenancy = config.get("tenancy_id")
        regions = [("FRA", "eu-frankfurt-1", False), ("IAD", "us-ashburn-1", True)]
        known: Values = {
            "namespace": "axexample",
            "services": [{**_SERVICE, "description": "", "name": "All FRA Services In Oracle Services Network"}],
            "region_subscriptions": [
                {"is_home_region": home, "region_key": key, "region_name": name, "state": "READY", "tenancy_id": tenancy}
                for key, name, home in regions
            ],
        }
        attributes = self._schema["data_sources"][kind]["attributes"]
        filled = {name: known.get(name, "data") for name, facts in attributes.items() if facts["flags"] == "computed"}
        return config | {name: value for name, value in filled.items() if config.get(name) is None} | {"id": kind}

    def read(self, kind: str, state: Values) -> Values | None:
        """ReadResource."""
        return self.resources.get((kind, state["id"]))

    def plan(self, kind: str, prior: Values | None, proposed: Values | None, config: Values | None) -> tuple[Values | None, list[str]]:
        """PlanResourceChange: the planned values, and the arguments that replace the resource."""
        if proposed is None or config is None:
            return None, []
        planned = {**proposed}
        if "defined_tags" in planned and prior and config["defined_tags"] is not None and config["defined_tags"] is not UNKNOWN:
            kept = {key: text for key, text in (prior["defined_tags"] or {}).items() if key in self._ignored}
            planned["defined_tags"] = config["defined_tags"] | kept
        if prior is None:
            return self._with_unknown(kind, planned, config), []
        changed = [name for name, value in planned.items() if value != prior[name]]
        replacing = [name for name in REPLACED_BY.get(kind, ()) if name in changed]
        return (self._with_unknown(kind, planned, config) if replacing else planned), replacing

    def apply(self, kind: str, prior: Values | None, planned: Values | None) -> Values | None:
        """ApplyResourceChange. Raises CloudError."""
        verb = "create" if prior is None else "delete" if planned is None else "update"
        shown = planned or prior or {}
        name = shown.get("object") or shown.get("display_name") or shown.get("name") or ""
        if planned is None:
            self._delete(kind, prior or {})
        else:
            planned = self._created(kind, planned) if prior is None else planned
            self._check(kind, planned, prior)
            planned = self._tagged(planned)
            self.resources[kind, planned["id"]] = planned
        self.log.append(f"{verb} {kind} {name}")
        return planned

    def _with_unknown(self, kind: str, planned: Values, config: Values) -> Values:
        attributes = self._schema["resources"][kind]["attributes"]
        computed = {name for name, facts in attributes.items() if "computed" in facts["flags"]}
        return {name: UNKNOWN if name in computed and config[name] is None else value for name, value in planned.items()}

    def _created(self, kind: str, planned: Values) -> Values:
        number = next(self._ids)
        noun = kind.rpartition("_")[2]
        made: Values = {"id": f"ocid1.{noun}.oc1..{number}", "bucket_id": f"ocid1.bucket.oc1..{number}", "state": "ACTIVE"}
        types = {name: facts["type"] for name, facts in self._schema["resources"][kind]["attributes"].items()}
        return {name: made.get(name, _filled(types.get(name, ""))) if value is UNKNOWN else value for name, value in planned.items()}

    def _check(self, kind: str, planned: Values, prior: Values | None) -> None:
        unique = _UNIQUE.get(kind)
        others = [each for (other, _), each in self.resources.items() if other == kind and each["id"] != planned["id"]]
        if unique and planned[unique] in [each[unique] for each in others]:
            raise CloudError(f"409-AlreadyExists: {planned[unique]}")
        if kind == "oci_objectstorage_bucket":
            if planned["versioning"] != "Disabled" and planned["retention_rules"]:
                raise CloudError("409-RetentionRuleNotAllowed: the bucket has versioning")
            if prior and prior["versioning"] != "Disabled" and planned["versioning"] == "Disabled":
                raise CloudError("400-InvalidVersioning: versioning can be suspended, not disabled")

    def _tagged(self, planned: Values) -> Values:
        if "defined_tags" not in planned:
            return planned
        return planned | {"defined_tags": (planned["defined_tags"] or {}) | self.tag_defaults}

    def _delete(self, kind: str, prior: Values) -> None:
        if kind == "oci_objectstorage_bucket" and prior["name"] in self.in_use:
            raise CloudError(f"409-BucketNotEmpty: {prior['name']}")
        self.resources.pop((kind, prior["id"]), None)


def _filled(kind: str) -> Any:
    """What OCI fills in, by the type of the attribute."""
    empty: Values = {"string": "", "number": 0, "bool": False}
    return {} if kind.startswith("map") else [] if kind.startswith(("list", "set")) else empty.get(kind)
