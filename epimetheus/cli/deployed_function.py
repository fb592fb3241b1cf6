"""``--function``: the configuration of a deployed function, read from OCI Functions.

A function gets the configuration of its application, overridden by its own:
https://docs.oracle.com/en-us/iaas/Content/Functions/Tasks/functionspassingconfigparams.htm
"""

from typing import NamedTuple

import oci
from oci.functions import FunctionsManagementClient

from epimetheus.clock import SYSTEM, Deadline
from epimetheus.config.settings import SETTING_NAMES, Settings
from epimetheus.oci_client.clients import make_client, oci_errors
from epimetheus.wiring.wiring import Wiring

_SECONDS = 60.0
_REGION_PART = 3  # ocid1.fnfunc.oc1.REGION.ID
_NOT_FOR_A_TERMINAL = ("OCI_AUTH", "OCI_CONFIG_FILE", "OCI_PROFILE")  # how the function signs in
_NOT_TRUSTED = ("OCI_ENDPOINT", "STATE_FILE")  # would send signed requests elsewhere, or write a file of this machine
_IGNORED = "on this machine, it would have another effect. Set it here if you need it."
_HELP = (
    "Check the OCID and OCI_PROFILE. If no policy allows the call, add this statement: Allow group YOUR_GROUP to read functions-family"
    " in compartment COMPARTMENT_OF_THE_FUNCTION."
)


class DeployedSettings(NamedTuple):
    """``values``: setting → value. ``region``: where the function runs. ``notes``: on settings that are ignored."""

    values: dict[str, str]
    region: str
    notes: tuple[str, ...] = ()


def read_function(ocid: str, settings: Settings) -> DeployedSettings:
    """The settings of the function ``ocid``. ``settings`` select the credentials. Raises CredentialsError, SourceError."""
    wiring = Wiring.open(settings, SYSTEM, Deadline.after(SYSTEM, _SECONDS))
    region = region_of(ocid) or wiring.credentials.region
    endpoint, seconds = settings.oci_endpoint, _SECONDS / 2
    client = make_client(FunctionsManagementClient, wiring.credentials, region=region, endpoint=endpoint, seconds=seconds)
    with oci_errors(f"reading the function {ocid}", do=_HELP):
        function = client.get_function(ocid).data
    with oci_errors("reading the application of the function", do=_HELP):
        application = client.get_application(function.application_id).data
    config = {**(application.config or {}), **(function.config or {})}
    values = {name: value for name, value in config.items() if name not in _NOT_FOR_A_TERMINAL}
    ignored = [name for name in SETTING_NAMES if name in values and _is_local(name, values[name])]
    notes = [f"Ignored {name} of the function: {_IGNORED}" for name in ignored]
    return DeployedSettings({name: value for name, value in values.items() if name not in ignored}, region, tuple(notes))


def _is_local(name: str, value: str) -> bool:
    """Whether a setting refers to the machine it is read on. People who may change the function must not choose files on this one."""
    return bool(value.strip()) and (name in _NOT_TRUSTED or value.strip().startswith("file:"))


def region_of(ocid: str) -> str:
    """The region in an OCID, which has its name or its key; empty if it has none."""
    part = ocid.split(".")[_REGION_PART]
    return str(oci.regions.REGIONS_SHORT_NAMES.get(part, part))
