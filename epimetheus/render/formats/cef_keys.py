"""Producer keys of the CEF dictionary: their types and lengths (CEF implementation standard, version 27, with the additions of CEF 1.2)."""

from collections.abc import Mapping
from types import MappingProxyType

from epimetheus.render.addresses import ipv6
from epimetheus.render.typed_values import ValueType, integer, ipv4, mac, millis, number, port, types_by_key

HEADER_LENGTHS = (31, 1023, 512)
"""Maximum lengths of device version, event class id and name, in characters before escaping."""
ORIGIN_LENGTH = 63
"""Maximum length of device vendor and of device product."""
CUSTOM_LENGTH = 4000
"""Maximum length of a key that the dictionary does not define: that of its longest keys."""
LABEL_LENGTH = 128
"""Maximum length of a label: the dictionary's limit for flexString1Label and flexString2Label. Other labels may have 1023."""

TYPED: Mapping[str, ValueType] = types_by_key((
    (millis, "rt start end deviceCustomDate1 deviceCustomDate2 flexDate1 fileCreateTime fileModificationTime oldFileCreateTime"
     " oldFileModificationTime"),
    (ipv4, "src dst dvc sourceTranslatedAddress destinationTranslatedAddress deviceTranslatedAddress"),
    (ipv6, "c6a1 c6a2 c6a3 c6a4"),
    (integer, "cn1 cn2 cn3 cnt deviceDirection dpid dvcpid fsize in oldFileSize out spid type reportedDuration customerKey sZoneKey"
     " sTranslatedZoneKey dZoneKey dTranslatedZoneKey deviceZoneKey deviceTranslatedZoneKey agentZoneKey agentTranslatedZoneKey"),
    (number, "cfp1 cfp2 cfp3 cfp4"),
    (port, "spt dpt sourceTranslatedPort destinationTranslatedPort"),
    (mac, "smac dmac dvcmac"),
))  # fmt: skip
"""Keys with a type; a value of another type is not sent."""

_STRINGS = (
    (31, "app proto"),
    (32, "threatAttackID"),
    (40, "externalId threatActor"),
    (63, "act outcome"),
    (64, "reportedResourceName reportedResourceType"),
    (100, "dvchost"),
    (128, "deviceInboundInterface deviceOutboundInterface devicePayloadId reportedResourceGroupName"),
    (255, "destinationDnsDomain deviceDnsDomain deviceExternalId deviceNtDomain dntdom dtz fileHash oldFileHash sntdom sourceDnsDomain"),
    (256, "frameworkName reportedResourceID"),
    (1023, "cat destinationServiceName deviceFacility deviceProcessName dhost dpriv dproc duid duser fileId filePath filePermission"
     " fileType flexString1 flexString2 fname msg oldFileId oldFileName oldFilePath oldFilePermission oldFileType reason request"
     " requestClientApplication requestCookies requestMethod shost sourceServiceName spriv sproc suid suser"),
    (2048, "requestContext"),
    (4000, "cs1 cs2 cs3 cs4 cs5 cs6"),
)  # fmt: skip
_LONGEST_TYPED = 39  # an IPv6 address

LENGTHS: Mapping[str, int] = MappingProxyType(
    {key: length for length, keys in _STRINGS for key in keys.split()} | dict.fromkeys(TYPED, _LONGEST_TYPED)
)
"""Maximum lengths of values, in characters before escaping; for typed keys, no valid value is longer."""
