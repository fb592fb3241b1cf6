"""Validates messages against OCSF: against the class that a message says it has, in one version of the schema or in several."""

from functools import cache

from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema, get_packaged_versions

OLDEST = "1.4.0"


def versions():
    """The versions to be valid by: 1.4.0 and every later release in the package."""
    releases = {tuple(map(int, version.split("."))) for version in get_packaged_versions() if "-" not in version}
    return [".".join(map(str, release)) for release in sorted(releases) if release >= tuple(map(int, OLDEST.split(".")))]


@cache
def _schema(version):
    return OcsfJsonSchemaEmbedded(get_ocsf_schema(version))


@cache
def _validator(version, class_uid):
    schema = _schema(version)
    return Draft202012Validator(schema.get_class_schema(schema.lookup_class_name_from_uid(class_uid), profiles=["cloud"]))


class OcsfSchema:
    """One version of the schema, with its ``cloud`` profile."""

    def __init__(self, version=OLDEST):
        self.version = version

    def validate(self, message):
        _validator(self.version, message["class_uid"]).validate(message)

    def is_valid(self, message):
        return _validator(self.version, message["class_uid"]).is_valid(message)


def validate_by_all(message):
    """Raises ValidationError if the message is invalid by any of `versions`."""
    for version in versions():
        OcsfSchema(version).validate(message)
