"""``python -m tests.terraform.schema_check FOLDER…``: checks Terraform files against the provider's schema, without the provider.

It reports unknown and read-only arguments and blocks, missing required ones, and too many blocks of a type. In module calls it reports
unknown variables and required variables that are missing.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.terraform.hcl import Body, load, variables

SCHEMA = Path(__file__).with_name("oci-schema.json")
_FOR_ANY_RESOURCE = frozenset(("count", "for_each", "provider", "depends_on", "lifecycle"))
_FOR_ANY_CALL = frozenset(("source", "count", "for_each", "providers", "depends_on"))
_TABLES = {"resource": "resources", "data": "data_sources"}


def problems(folder: Path, schema: Body) -> list[str]:
    """Returns all problems in a folder and its subfolders, each with its file and place."""
    checked = files(folder)
    found = [f"{path.relative_to(folder)}: {problem}" for path in checked for problem in _in_file(path, schema)]
    return found if checked else [f"{folder}: no Terraform files"]


def files(folder: Path) -> list[Path]:
    """Returns the files to check."""
    return sorted(path for path in folder.rglob("*.tf") if ".terraform" not in path.parts)


def _in_file(path: Path, schema: Body) -> Iterator[str]:
    document = load(path)
    for kind, table in _TABLES.items():
        for place, kind_of, body in _labelled(document.get(kind, [])):
            if kind_of in schema[table]:
                own = {name: value for name, value in body.items() if name not in _FOR_ANY_RESOURCE}
                yield from _block(place, own, with_timeouts(schema[table][kind_of]))
            else:
                yield f"{place}: no {kind} of this type in {SCHEMA.name}"
    for block in document.get("provider", []):
        for name, body in block.items():
            yield from _block(f"provider {name}", {key: value for key, value in body.items() if key != "alias"}, schema["provider_config"])
    for block in document.get("module", []):
        for name, body in block.items():
            yield from _call(f"module.{name}", body, path.parent)


def with_timeouts(resource: Body) -> Body:
    """The schema of a resource with its block ``timeouts``, which the file has as a list of operations."""
    attributes = {name: {"type": "string", "flags": "optional"} for name in resource.get("timeouts", ())}
    block = {"nesting": "single", "min": 0, "max": 1, "attributes": attributes}
    return {**resource, "blocks": {**resource.get("blocks", {}), **({"timeouts": block} if attributes else {})}}


def _labelled(blocks: list[Body]) -> Iterator[tuple[str, str, Body]]:
    for block in blocks:
        for kind_of, named in block.items():
            for name, body in named.items():
                yield f"{kind_of}.{name}", kind_of, body


def _block(place: str, body: Body, schema: Body) -> Iterator[str]:
    attributes, blocks = schema["attributes"], schema.get("blocks", {})
    contents = _contents(body.get("dynamic", []))
    for name, value in body.items():
        if name in attributes:
            yield from _argument(f"{place}.{name}", value, attributes[name])
        elif name not in blocks and name != "dynamic":
            yield f"{place}.{name}: no such argument or block"
    for name, content in contents:
        if name not in blocks:
            yield f"{place}.{name}: no such block"
        else:
            yield from _block(f"{place}.{name}", content, blocks[name])
    for name, facts in attributes.items():
        if "required" in facts["flags"] and name not in body:
            yield f"{place}: the argument {name} is missing"
    for name, inner in blocks.items():
        yield from _blocks(f"{place}.{name}", body.get(name, []), inner, any(name == each for each, _ in contents))


def _argument(place: str, value: Any, facts: Body) -> Iterator[str]:
    if facts["flags"] == "computed":
        yield f"{place}: this argument is read-only"
    if isinstance(value, list) and value and isinstance(value[0], dict) and "object" not in facts["type"]:
        yield f"{place}: expected an argument, not a block"


def _blocks(place: str, found: Any, schema: Body, also_dynamic: bool) -> Iterator[str]:
    if not isinstance(found, list) or not all(isinstance(block, dict) for block in found):
        yield f"{place}: expected a block, not an argument"
        return
    if schema["max"] and len(found) > schema["max"]:
        yield f"{place}: {len(found)} blocks, expected at most {schema['max']}"
    if len(found) < schema["min"] and not also_dynamic:
        yield f"{place}: {len(found)} blocks, expected at least {schema['min']}"
    for block in found:
        yield from _block(place, block, schema)


def _contents(dynamic: list[Body]) -> list[tuple[str, Body]]:
    """Returns the name and content of the blocks that dynamic blocks generate."""
    return [(name, content) for block in dynamic for name, body in block.items() for content in body["content"]]


def _call(place: str, body: Body, folder: Path) -> Iterator[str]:
    known = variables((folder / body["source"]).resolve())
    for name in body:
        if name not in known and name not in _FOR_ANY_CALL:
            yield f"{place}.{name}: no such variable"
    for name, variable in known.items():
        if "default" not in variable and name not in body:
            yield f"{place}: the variable {name} is missing"


def main(folders: list[str]) -> int:
    """Prints all problems and returns 1 if there are any."""
    schema = json.loads(SCHEMA.read_text("utf-8"))
    found = [problem for folder in folders for problem in problems(Path(folder), schema)]
    count = sum(len(files(Path(folder))) for folder in folders)
    print(*found, f"{count} files against the schema of {schema['provider']} {schema['provider_version']}: {len(found)} problems", sep="\n")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
