"""The bytes of Terraform's plugin protocol: the few protobuf messages that the stand-in needs, values as MessagePack, and types.

https://github.com/hashicorp/terraform/blob/v1.11/docs/plugin-protocol/tfplugin6.proto
https://github.com/hashicorp/terraform/blob/v1.11/docs/plugin-protocol/object-wire-format.md
"""

import json
import re
import struct
from collections.abc import Iterator
from typing import Any, Final

Message = dict[int, list[Any]]
"""Field number → its values: integers, or bytes."""


class Unknown:
    """A value that is known after the apply."""

    def __repr__(self) -> str:
        return "(known after apply)"


UNKNOWN: Final = Unknown()


def field(number: int, data: bytes) -> bytes:
    """A field with bytes, text or a message."""
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def integer(number: int, value: int) -> bytes:
    """A field with a number. Zero is the default, so it is not written."""
    return _varint(number << 3) + _varint(value) if value else b""


def value_field(number: int, value: Any) -> bytes:
    """A field with a DynamicValue."""
    return field(number, field(1, pack(value)))


def parse(data: bytes) -> Message:
    """The fields of a message. Only the wire types that the protocol uses are known: varint, and length with bytes."""
    found: Message = {}
    position = 0
    while position < len(data):
        key, position = _read_varint(data, position)
        length, position = _read_varint(data, position)
        value: Any = length
        if key & 7 == 2:
            value, position = data[position : position + length], position + length
        elif key & 7:
            raise ValueError(f"wire type {key & 7} is not known")
        found.setdefault(key >> 3, []).append(value)
    return found


def text(message: Message, number: int) -> str:
    """A field with text."""
    return str(message.get(number, [b""])[0], "utf-8")


def value(message: Message, number: int) -> Any:
    """A field with a DynamicValue, which Terraform sends as MessagePack, or as JSON in a raw state."""
    inner = parse(message[number][0]) if number in message else {}
    return unpack(inner[1][0]) if 1 in inner else None


def pack(value: Any) -> bytes:
    """A value as MessagePack."""
    if value is UNKNOWN:
        return b"\xd4\x00\x00"
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return b"\xd3" + struct.pack(">q", value)
    if isinstance(value, float):
        return b"\xcb" + struct.pack(">d", value)
    if isinstance(value, str):
        encoded = value.encode()
        return b"\xdb" + struct.pack(">I", len(encoded)) + encoded
    if isinstance(value, dict):
        return b"\xdf" + struct.pack(">I", len(value)) + b"".join(pack(key) + pack(item) for key, item in value.items())
    return b"\xdd" + struct.pack(">I", len(value)) + b"".join(map(pack, value))


def unpack(data: bytes) -> Any:
    """The value of MessagePack."""
    return _unpack(data, 0)[0]


_FIXED = {0xC2: False, 0xC3: True, 0xC0: None}
_NUMBERS = {0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q", 0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q"}
_LENGTHS = {0xC4: ">B", 0xC5: ">H", 0xC6: ">I", 0xD9: ">B", 0xDA: ">H", 0xDB: ">I", 0xDC: ">H", 0xDD: ">I", 0xDE: ">H", 0xDF: ">I"}
_EXTENSIONS = {0xD4: 1, 0xD5: 2, 0xD6: 4, 0xD7: 8, 0xD8: 16}


def _unpack(data: bytes, at: int) -> tuple[Any, int]:
    code, at = data[at], at + 1
    if code < 0x80 or code >= 0xE0:
        return (code if code < 0x80 else code - 256), at
    if code in _FIXED:
        return _FIXED[code], at
    if code in _NUMBERS:
        size = struct.calcsize(_NUMBERS[code])
        return struct.unpack(_NUMBERS[code], data[at : at + size])[0], at + size
    if code in _EXTENSIONS:
        return UNKNOWN, at + 1 + _EXTENSIONS[code]
    if code == 0xC7:  # an extension with a length: an unknown value with a refinement
        return UNKNOWN, at + 2 + data[at]
    if code in _LENGTHS:
        size = struct.calcsize(_LENGTHS[code])
        length, at = struct.unpack(_LENGTHS[code], data[at : at + size])[0], at + size
    else:
        length = code & (0x1F if 0xA0 <= code < 0xC0 else 0x0F)
    if 0x80 <= code < 0x90 or code in (0xDE, 0xDF):
        return _unpack_map(data, at, length)
    if 0x90 <= code < 0xA0 or code in (0xDC, 0xDD):
        return _unpack_list(data, at, length)
    return str(data[at : at + length], "utf-8"), at + length


def _unpack_map(data: bytes, at: int, length: int) -> tuple[dict[str, Any], int]:
    found = {}
    for _ in range(length):
        key, at = _unpack(data, at)
        found[key], at = _unpack(data, at)
    return found, at


def _unpack_list(data: bytes, at: int, length: int) -> tuple[list[Any], int]:
    found = []
    for _ in range(length):
        item, at = _unpack(data, at)
        found.append(item)
    return found, at


_NESTING = {"single": 1, "list": 2, "set": 3}


def schema(block: dict[str, Any]) -> bytes:
    """Schema."""
    return field(2, _block(block))


def _block(block: dict[str, Any]) -> bytes:
    attributes = [field(2, _attribute(name, facts)) for name, facts in block["attributes"].items()]
    return b"".join(attributes + [field(3, _nested(name, inner)) for name, inner in block.get("blocks", {}).items()])


def _attribute(name: str, facts: dict[str, str]) -> bytes:
    flags = facts["flags"].split("+")
    encoded = field(1, name.encode()) + field(2, json.dumps(cty(facts["type"])).encode())
    for number, flag in ((4, "required"), (5, "optional"), (6, "computed"), (7, "sensitive")):
        encoded += integer(number, int(flag in flags))
    return encoded


def _nested(name: str, block: dict[str, Any]) -> bytes:
    least, most = integer(4, block["min"]), integer(5, block["max"])
    return field(1, name.encode()) + field(2, _block(block)) + integer(3, _NESTING[block["nesting"]]) + least + most


def cty(kind: str) -> Any:
    """Converts a type as Terraform prints it, ``list(object({a=string}))``, to the JSON form of the protocol."""
    if match := re.fullmatch(r"(list|set|map)\((.*)\)", kind):
        return [match[1], cty(match[2])]
    if match := re.fullmatch(r"object\(\{(.*)\}\)", kind):
        return ["object", {name: cty(inner) for name, inner in (part.split("=", 1) for part in _parts(match[1]))}]
    return kind


def _parts(kind: str) -> Iterator[str]:
    """Splits at the commas outside of brackets."""
    depth, start = 0, 0
    for index, character in enumerate(kind):
        depth += (character in "({") - (character in ")}")
        if character == "," and depth == 0:
            yield kind[start:index].strip()
            start = index + 1
    if kind[start:].strip():
        yield kind[start:].strip()


def _varint(number: int) -> bytes:
    data = bytearray()
    while number > 0x7F:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*data, number])


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        number |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return number, at
