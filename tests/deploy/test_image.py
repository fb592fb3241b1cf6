"""The image without docker: laid out as the Dockerfile says, pruned, measured, and the function run from exactly that."""

import ast
import base64
import csv
import hashlib
import json
import re
import runpy
import shutil
import subprocess
import time
from importlib.metadata import distributions
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from epimetheus.testing.oci import World, serve
from epimetheus.testing.syslog import Authority, receive
from tests.support.harness import event_id
from tests.support.image import PRUNE, PYTHON, ROOT, environment, instructions, serving, size

pytestmark = pytest.mark.timeout(600)  # the fixture lays out and compiles all packages
MOST_BYTES = 60_000_000  # it was 52 MB; before pruning the packages alone are 289
VAULT_SECRET = "ocid1.vaultsecret.oc1.iad.ca"


@pytest.fixture(scope="module")
def image(laid_out):
    """A folder with /python and /function."""
    assert laid_out.bytes_before > 250_000_000
    return laid_out.folder


def test_the_function_runs_from_exactly_what_the_image_holds(image, tmp_path, api_key):
    world = World(page_size=50, api_key=api_key)
    world.bucket("audit-state")
    now = time.time()
    ids = [event for place in (world.tenancy, world.add_compartment("prod")) for event in world.emit(place, 100, now - 1800, now - 600)]
    authority = Authority(tmp_path / "authority")
    world.secret(VAULT_SECRET, authority.ca_pem)
    with receive(authority) as receiver, serve(world) as served:
        settings = {
            **world.resource_principal(tmp_path),
            "OCI_ENDPOINT": served.url,
            "SYSLOG_HOST": "localhost",
            "SYSLOG_PORT": str(receiver.port),
            "SYSLOG_CA": f"vault:{VAULT_SECRET}",
            "STATE_BUCKET": "audit-state",
            "API_REQUESTS_PER_SECOND": "1000",
            "INITIAL_LOOKBACK_HOURS": "1",
        }
        with serving(image, tmp_path, settings) as function:
            answer = function.call(seconds=60)
            assert answer.status == 200, (answer.body, function.log_lines())
            assert [json.loads(line)["level"] for line in function.log_lines()] == ["INFO"]
    (report,) = json.loads(answer.body)
    assert (report["status"], report["forwarded"], len(report["warnings"]), report["first_start"]) == ("ok", 200, 1, True)
    *events, seal = map(event_id, receiver.messages)
    assert sorted(events) == sorted(ids)
    assert seal.startswith("seal-us-ashburn-1-1-")
    assert {"PostMetricData", "GetSecretBundle", "ListCompartments", "PutObject"} <= {asked.operation for asked in world.requests}


def test_what_is_in_the_image_is_small(image):
    assert size(image) <= MOST_BYTES
    assert size(image / "function") < 3_500_000


def test_nothing_is_in_the_image_that_only_tests_or_a_terminal_need(image):
    code = {str(path.relative_to(image / "function")) for path in (image / "function").rglob("*.py")}
    assert {"func.py", "epimetheus/run/run.py", "epimetheus/observe/log.py"} <= code
    unwanted = ("testing/", "cli", "verify", "terminal", "demo", "__main__", "tests/")
    assert [path for path in code if path.removeprefix("epimetheus/").startswith(unwanted)] == []
    assert [path for path in (image / "python").rglob("*") if path.name in ("tests", "conftest.py")] == []
    assert [path.name for path in (image / "python" / "bin").iterdir()] == ["fdk"]
    names = ("pip", "setuptools", "wheel", "pytest", "Cython", "aiohttp", "pkcs11", "responses", "typer", "epimetheus.testing", "oci.core")
    program = f"import importlib.util; print([name for name in {names} if importlib.util.find_spec(name)])"
    done = subprocess.run([PYTHON, "-S", "-c", program], env=environment(image), cwd=image, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_bill_of_materials_lists_the_packages_of_the_image(image):
    components = runpy.run_path(str(ROOT / "scripts" / "make-release"))["bill_of_materials"](0)["components"]
    listed = {(each["name"].lower().replace("_", "-"), each["version"]) for each in components if each["type"] == "library"}
    present = {(one.metadata["Name"].lower().replace("_", "-"), one.version) for one in distributions(path=[str(image / "python")])}
    assert listed == present
    assert {each["name"]: each["version"] for each in components if each["type"] == "container"} == {"python": "3.11.14-slim-bookworm"}


def test_every_module_in_the_image_is_one_that_the_function_imports(image):
    """What only a terminal imports belongs into .dockerignore."""
    imported = "import sys, func, epimetheus.health.report, epimetheus.wiring.push"
    program = f"{imported}; print(*(name for name in sys.modules if name.partition('.')[0] == 'epimetheus'))"
    done = subprocess.run([PYTHON, "-S", "-c", program], env=environment(image), cwd=image, capture_output=True, text=True, check=True)
    modules = [path.relative_to(image / "function").with_suffix("") for path in (image / "function" / "epimetheus").rglob("*.py")]
    assert {".".join(path.parts).removesuffix(".__init__") for path in modules} == set(done.stdout.split())


def test_every_part_of_the_sdk_that_the_code_names_is_in_the_image(image):
    named = set()
    for path in (image / "function").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "oci":
                named.add(node.attr)
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("oci."):
                named.add(node.module.split(".")[1])
    assert {"object_storage", "secrets", "monitoring", "auth", "retry", "base_client"} <= named
    sdk = image / "python" / "oci"
    assert [name for name in named if not (sdk / name).is_dir() and not (sdk / f"{name}.py").is_file()] == []


def test_the_sdk_reads_a_text_of_unknown_encoding_without_the_modules_that_guess_one(image):
    program = (
        "import oci, sys; from oci._vendor import requests; response = requests.Response();"
        "response._content = 'caf\u00e9'.encode(); print(ascii(response.text));"
        "print([name for name in sys.modules if name.startswith(('charset_normalizer', 'oci._vendor.chardet.', 'oci.dns.'))])"
    )
    done = subprocess.run([PYTHON, "-S", "-c", program], env=environment(image), cwd=image, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("'caf\\xe9'\n[]\n", "")


def test_every_file_that_is_left_is_the_one_its_wheel_brought(image):
    checked = 0
    for record in (image / "python").glob("*.dist-info/RECORD"):
        for name, digest, _ in csv.reader(record.read_text("utf-8").splitlines()):
            file = image / "python" / (f"bin/{Path(name).name}" if ".." in name else name)
            if digest:
                algorithm, _, expected = digest.partition("=")
                found = base64.urlsafe_b64encode(hashlib.new(algorithm, file.read_bytes()).digest()).decode().rstrip("=")
                assert found == expected, file
                checked += 1
            assert file.exists(), f"{record.parent.name} names {name}"
    assert checked > 500


def test_pruning_twice_changes_nothing_and_a_folder_without_the_sdk_is_refused(image, tmp_path):
    before = {path for path in (image / "python").rglob("*") if "__pycache__" not in path.parts}
    copy = tmp_path / "python"
    shutil.copytree(image / "python", copy, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([PYTHON, PRUNE, copy], check=True, capture_output=True)
    assert {path.relative_to(copy) for path in copy.rglob("*")} == {path.relative_to(image / "python") for path in before}
    refused = subprocess.run([PYTHON, PRUNE, tmp_path], capture_output=True, text=True, check=False)
    assert (refused.returncode, "the folder has no package oci" in refused.stderr) == (2, True)


def test_the_dockerfile_pins_its_base_installs_only_pins_and_is_not_root():
    assert re.fullmatch(r"BASE=python:3\.11\.\d+-slim-bookworm", *instructions("ARG"))
    assert instructions("FROM") == ["${BASE} AS build", "${BASE}"]
    installing, *_ = instructions("RUN")
    wanted = ("--no-deps", "--only-binary :all:", "--target /python", "&& python /build/prune-sdk /python")
    assert [part for part in wanted if part not in installing] == []
    assert instructions("USER") == ["1000:1000"]


def test_the_entrypoint_is_the_one_of_func_yaml():
    func = dict(line.split(": ", 1) for line in (ROOT / "func.yaml").read_text("utf-8").splitlines())
    (entrypoint,) = instructions("ENTRYPOINT")
    assert json.loads(entrypoint) == func["entrypoint"].split()


def make_image(folder, *arguments):
    """`make image` where nothing is on the PATH but sed and what lies in ``folder``."""
    if not (folder / "sed").exists():
        (folder / "sed").symlink_to(shutil.which("sed"))
    command = [shutil.which("make"), "image", *arguments]
    return subprocess.run(command, cwd=ROOT, env={"PATH": str(folder)}, capture_output=True, text=True, check=False)


def test_make_image_without_docker_and_podman_says_what_it_needs(tmp_path):
    done = make_image(tmp_path)
    assert done.returncode == 2
    assert "make image: docker or podman is not running. Start one of them, or use OCI Cloud Shell, which has docker.\n" in done.stderr


def test_make_image_takes_the_engine_that_answers(tmp_path):
    for name, answers in (("docker", 1), ("podman", 0)):
        engine = tmp_path / name
        engine.write_text(f'#!/bin/sh\n[ "$1" = info ] && exit {answers}\necho {name} "$@"\n')
        engine.chmod(0o755)
    done = make_image(tmp_path, "BASE=python:3.11.14-slim-bookworm@sha256:12", "IMAGE=registry/epimetheus:1")
    assert done.returncode == 0, done.stderr
    expected = "podman build --platform linux/amd64 --build-arg BASE=python:3.11.14-slim-bookworm@sha256:12 --tag registry/epimetheus:1 .\n"
    assert done.stdout == expected


def test_modules_are_compiled_without_docstrings_under_the_names_that_python_loads(image):
    program = "import oci.signer, epimetheus.run.run as run; print(oci.signer.Signer.__doc__, run.__doc__, run.__cached__)"
    done = subprocess.run([PYTHON, "-S", "-c", program], env=environment(image), cwd=image, capture_output=True, text=True, check=True)
    sdk, own, cached = done.stdout.split()
    assert (sdk, own) == ("None", "None")
    assert Path(cached).is_file()
    sources = [*image.rglob("*.py")]
    assert [path for path in sources if not Path(cache_from_source(path)).is_file()] == []


def test_the_standard_library_is_compiled_too():
    """The base image has no bytecode, and the function cannot write any."""
    *_, final = instructions("RUN")
    assert 'python -m compileall -q --invalidation-mode unchecked-hash' in final
    assert 'sysconfig.get_path("stdlib")' in final
