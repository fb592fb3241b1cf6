"""A stand-in for the provider oracle/oci: the schema in oci-schema.json, and a small control plane (`tests.terraform.cloud`) behind it.

`terraform validate`, and `terraform test` with mock_provider, need only the schema; plan, apply and destroy need both. Terraform finds the
stand-in through TF_REATTACH_PROVIDERS, so nothing is installed, downloaded or locked.

``python stand_in.py COMMAND…`` runs a command of Terraform with it.
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.terraform import wire
from tests.terraform.cloud import Cloud, CloudError, Values

SCHEMA = Path(__file__).with_name("oci-schema.json")
Answer = Callable[[wire.Message], bytes]
_EMPTY_ANSWERS = ("ValidateProviderConfig", "ValidateResourceConfig", "ValidateDataResourceConfig", "StopProvider")


def read_schema(path: Path = SCHEMA) -> Values:
    """The schema, with a block ``timeouts`` in each resource, as the real provider has it."""
    schema: Values = json.loads(path.read_text("utf-8"))
    for resource in schema["resources"].values():
        attributes = {name: {"type": "string", "flags": "optional"} for name in resource.get("timeouts", ())}
        resource.setdefault("blocks", {})["timeouts"] = {"nesting": "single", "min": 0, "max": 0, "attributes": attributes}
    return schema


@contextmanager
def provider(cloud: Cloud | None = None) -> Iterator[dict[str, str]]:
    """Serves the provider, and yields the environment variables that point Terraform to it."""
    schema = read_schema()
    with tempfile.TemporaryDirectory() as folder:
        address = f"{folder}/provider"
        server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.max_receive_message_length", -1)])
        server.add_generic_rpc_handlers((_handlers(schema, cloud or Cloud(schema)),))
        server.add_insecure_port(f"unix:{address}")
        server.start()
        try:
            yield {"TF_REATTACH_PROVIDERS": _reattach(address)}
        finally:
            server.stop(grace=None)


def _reattach(address: str) -> str:
    place = {"Network": "unix", "String": address}
    return json.dumps({"oracle/oci": {"Protocol": "grpc", "ProtocolVersion": 6, "Pid": os.getpid(), "Test": True, "Addr": place}})


def _handlers(schema: Values, cloud: Cloud) -> grpc.GenericRpcHandler:
    described = _describe(schema)
    answers: dict[str, Answer] = {
        "GetProviderSchema": lambda _: described,
        "ConfigureProvider": lambda request: cloud.configure(wire.value(request, 2)) or b"",
        "UpgradeResourceState": lambda request: wire.field(1, wire.field(2, wire.parse(request[3][0])[1][0])),
        "ReadResource": lambda request: wire.value_field(1, cloud.read(wire.text(request, 1), wire.value(request, 2))),
        "ReadDataSource": lambda request: wire.value_field(1, cloud.read_data(wire.text(request, 1), wire.value(request, 2))),
        "PlanResourceChange": lambda request: _plan(cloud, request),
        "ApplyResourceChange": lambda request: _apply(cloud, request),
        **{name: lambda _: b"" for name in _EMPTY_ANSWERS},
    }
    return grpc.method_handlers_generic_handler(
        "tfplugin6.Provider", {name: grpc.unary_unary_rpc_method_handler(_answering(answer)) for name, answer in answers.items()}
    )


def _answering(answer: Answer) -> Callable[[bytes, grpc.ServicerContext], bytes]:
    return lambda request, context: answer(wire.parse(request))


def _plan(cloud: Cloud, request: wire.Message) -> bytes:
    prior, proposed, config = (wire.value(request, number) for number in (2, 3, 4))
    planned, replacing = cloud.plan(wire.text(request, 1), prior, proposed, config)
    paths = [wire.field(2, wire.field(1, wire.field(1, name.encode()))) for name in replacing]
    return wire.value_field(1, planned) + b"".join(paths) + wire.integer(5, 1)


def _apply(cloud: Cloud, request: wire.Message) -> bytes:
    kind, prior, planned = wire.text(request, 1), wire.value(request, 2), wire.value(request, 3)
    try:
        return wire.value_field(1, cloud.apply(kind, prior, planned)) + wire.integer(4, 1)
    except CloudError as error:
        problem = wire.integer(1, 1) + wire.field(2, str(error).encode())
        return wire.value_field(1, prior) + wire.field(3, problem) + wire.integer(4, 1)


def _describe(schema: dict[str, Any]) -> bytes:
    """GetProviderSchema.Response."""
    parts = [wire.field(1, wire.schema(schema["provider_config"]))]
    for number, table in ((2, "resources"), (3, "data_sources")):
        for name, block in schema[table].items():
            parts.append(wire.field(number, wire.field(1, name.encode()) + wire.field(2, wire.schema(block))))
    return b"".join(parts)


if __name__ == "__main__":
    import subprocess

    with provider() as environment:
        sys.exit(subprocess.run(sys.argv[1:], env=os.environ | environment, check=False).returncode)
