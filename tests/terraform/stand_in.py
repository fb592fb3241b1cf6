"""A stand-in for the provider oracle/oci that serves the schema in oci-schema.json and nothing else.

`terraform validate`, and `terraform test` with mock_provider, need only the schema. Terraform finds the stand-in through
TF_REATTACH_PROVIDERS, so nothing is installed, downloaded or locked. The few protobuf messages that it needs are encoded by hand:
https://github.com/hashicorp/terraform/blob/v1.11/docs/plugin-protocol/tfplugin6.proto
"""

import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc

SCHEMA = Path(__file__).with_name("oci-schema.json")
_NESTING = {"single": 1, "list": 2, "set": 3}
_EMPTY_ANSWERS = ("ValidateProviderConfig", "ValidateResourceConfig", "ValidateDataResourceConfig", "StopProvider")


@contextmanager
def provider(path: Path = SCHEMA) -> Iterator[dict[str, str]]:
    """Serves the schema, and yields the environment variables that point Terraform to it."""
    schema = json.loads(path.read_text("utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        address = f"{folder}/provider"
        server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.max_receive_message_length", -1)])
        server.add_generic_rpc_handlers((_handlers(_answer(schema)),))
        server.add_insecure_port(f"unix:{address}")
        server.start()
        try:
            yield {"TF_REATTACH_PROVIDERS": _reattach(address)}
        finally:
            server.stop(grace=None)


def _reattach(address: str) -> str:
    place = {"Network": "unix", "String": address}
    return json.dumps({"oracle/oci": {"Protocol": "grpc", "ProtocolVersion": 6, "Pid": os.getpid(), "Test": True, "Addr": place}})


def _handlers(schema: bytes) -> grpc.GenericRpcHandler:
    answers = {"GetProviderSchema": schema, **dict.fromkeys(_EMPTY_ANSWERS, b"")}
    return grpc.method_handlers_generic_handler(
        "tfplugin6.Provider", {name: grpc.unary_unary_rpc_method_handler(_always(answer)) for name, answer in answers.items()}
    )


def _always(answer: bytes) -> Callable[[bytes, grpc.ServicerContext], bytes]:
    return lambda request, context: answer


def _answer(schema: dict[str, Any]) -> bytes:
    """GetProviderSchema.Response."""
    parts = [_field(1, _schema(schema["provider_config"]))]
    for number, table in ((2, "resources"), (3, "data_sources")):
        parts += [_field(number, _field(1, name.encode()) + _field(2, _schema(block))) for name, block in schema[table].items()]
    return b"".join(parts)


def _schema(block: dict[str, Any]) -> bytes:
    return _field(2, _block(block))


def _block(block: dict[str, Any]) -> bytes:
    attributes = [_field(2, _attribute(name, facts)) for name, facts in block["attributes"].items()]
    return b"".join(attributes + [_field(3, _nested(name, inner)) for name, inner in block.get("blocks", {}).items()])


def _attribute(name: str, facts: dict[str, str]) -> bytes:
    flags = facts["flags"].split("+")
    text = _field(1, name.encode()) + _field(2, json.dumps(cty(facts["type"])).encode())
    for number, flag in ((4, "required"), (5, "optional"), (6, "computed"), (7, "sensitive")):
        text += _number(number, int(flag in flags))
    return text


def _nested(name: str, block: dict[str, Any]) -> bytes:
    least, most = _number(4, block["min"]), _number(5, block["max"])
    return _field(1, name.encode()) + _field(2, _block(block)) + _number(3, _NESTING[block["nesting"]]) + least + most


def cty(text: str) -> Any:
    """Converts a type as Terraform prints it, ``list(object({a=string}))``, to the JSON form of the protocol."""
    if match := re.fullmatch(r"(list|set|map)\((.*)\)", text):
        return [match[1], cty(match[2])]
    if match := re.fullmatch(r"object\(\{(.*)\}\)", text):
        return ["object", {name: cty(kind) for name, kind in (part.split("=", 1) for part in _parts(match[1]))}]
    return text


def _parts(text: str) -> list[str]:
    """Splits at the commas outside of brackets."""
    depth, parts = 0, [""]
    for character in text:
        depth += (character in "({") - (character in ")}")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]


def _field(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value) if value else b""


def _varint(value: int) -> bytes:
    data = bytearray()
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*data, value])


if __name__ == "__main__":
    import subprocess

    with provider() as environment:
        sys.exit(subprocess.run(sys.argv[1:], env=os.environ | environment, check=False).returncode)
