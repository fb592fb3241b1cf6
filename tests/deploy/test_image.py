"""The image without docker: laid out as the Dockerfile says, pruned, measured, and the function run from exactly that."""

import ast
import base64
import csv
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from fnmatch import fnmatch
from importlib.metadata import distribution
from pathlib import Path

import pytest

from epimetheus.testing.function import Function
from epimetheus.testing.oci import World, serve
from epimetheus.testing.syslog import Authority, receive
from tests.support.harness import event_id

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
PRUNE = ROOT / "scripts" / "prune-sdk"
PYTHON = str(Path(sys.executable).resolve())  # not the virtual environment's: that one would find its packages
MOST_BYTES = 60_000_000  # it was 52 MB; before pruning the packages alone are 289
VAULT_SECRET = "ocid1.vaultsecret.oc1.iad.ca"


def instructions(name):
    """The arguments of every instruction of that name, continued lines joined."""
    lines = DOCKERFILE.replace("\\\n", " ").splitlines()
    return [line.removeprefix(name + " ").strip() for line in lines if line.startswith(name + " ")]


def sent_to_the_builder():
    """The files of the project that .dockerignore lets through; of several patterns the last one rules."""
    patterns = [line for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line and not line.startswith("#")]
    tops = {pattern[1:].split("/")[0] for pattern in patterns if pattern.startswith("!")}
    files = [file for top in sorted(tops) for file in ([ROOT / top] if (ROOT / top).is_file() else (ROOT / top).rglob("*"))]
    return [file.relative_to(ROOT) for file in files if file.is_file() and passes(file, patterns)]


def passes(file, patterns):
    relative = file.relative_to(ROOT)
    ignored = False
    for pattern in patterns:
        plain = pattern.removeprefix("!")
        if any(fnmatch(str(part), plain) or plain == f"**/{part.name}" for part in (relative, *relative.parents[:-1])):
            ignored = not pattern.startswith("!")
    return not ignored


def lay_out_code(image):
    """COPY of the build stage, for what the function is made of."""
    sent = sent_to_the_builder()
    for line in instructions("COPY"):
        *sources, target = line.split()
        if not target.startswith("/function"):
            continue
        for source in sources:
            for file in sent:
                if file == Path(source) or Path(source) in file.parents:
                    below = file.relative_to(source) if file != Path(source) else file.name
                    placed = image / target.lstrip("/") / below
                    placed.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(ROOT / file, placed)


def lay_out_packages(folder):
    """What `pip install --no-deps --no-compile --target` makes of requirements.txt, as links to what is installed already."""
    for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines():
        name, pinned, version = line.partition("==")
        if not pinned:
            continue
        package = distribution(name)
        assert package.version == version
        for file in package.files:
            placed = folder / "bin" / file.name if ".." in file.parts else folder / file
            if file.suffix != ".pyc":
                placed.parent.mkdir(parents=True, exist_ok=True)
                placed.symlink_to(package.locate_file(file))


def size(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def lay_out(image):
    """/python and /function as the image has them; their bytes before they were pruned and compiled."""
    lay_out_packages(image / "python")
    lay_out_code(image)
    before = size(image)
    subprocess.run([PYTHON, PRUNE, image / "python"], check=True, capture_output=True)
    compiling = ["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    subprocess.run([PYTHON, *compiling, image / "python", image / "function"], check=True)
    return before


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """A folder with /python and /function."""
    image = tmp_path_factory.mktemp("image")
    assert lay_out(image) > 250_000_000
    return image


def within(image, text):
    """A path or a list of paths of the image, where they lie here."""
    return re.sub(r"/(?=(?:python|function)\b(?!\.))", f"{image}/", text)


def environment(image):
    """ENV, and nothing else but a PATH."""
    pairs = dict(pair.split("=", 1) for line in instructions("ENV") for pair in line.split())
    return {"PATH": os.defpath, **{key: within(image, value) for key, value in pairs.items()}}


@contextmanager
def serving(image, folder, settings):
    """ENTRYPOINT in a process of its own, without any packages but the image's (-S), and called as the platform does."""
    listener, stderr = folder / "lsnr.sock", folder / "stderr"
    listening = {"FN_FORMAT": "http-stream", "FN_LISTENER": f"unix:{listener}", "HOME": str(folder)}
    (entrypoint,) = instructions("ENTRYPOINT")
    command = [PYTHON, "-S", *(re.sub(r"^/", f"{image}/", part) for part in json.loads(entrypoint))]
    with stderr.open("wb") as log:
        process = subprocess.Popen(command, env={**environment(image), **settings, **listening}, cwd=folder, stdout=log, stderr=log)
    try:
        while not listener.exists():
            assert process.poll() is None, stderr.read_text("utf-8")
            time.sleep(0.01)
        yield Function(process, listener, stderr)
    finally:
        process.kill()
        process.wait()


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
    assert sorted(map(event_id, receiver.messages)) == sorted(ids)
    assert {"PostMetricData", "GetSecretBundle", "ListCompartments", "PutObject"} <= {asked.operation for asked in world.requests}


def test_what_is_in_the_image_is_small(image):
    assert size(image) <= MOST_BYTES
    assert size(image / "function") < 3_000_000


def test_nothing_is_in_the_image_that_only_tests_or_a_terminal_need(image):
    code = {str(path.relative_to(image / "function")) for path in (image / "function").rglob("*.py")}
    assert {"func.py", "epimetheus/run/run.py", "epimetheus/observe/log.py"} <= code
    unwanted = ("testing/", "cli", "terminal", "demo", "__main__", "tests/")
    assert [path for path in code if path.removeprefix("epimetheus/").startswith(unwanted)] == []
    assert [path for path in (image / "python").rglob("*") if path.name in ("tests", "conftest.py")] == []
    assert [path.name for path in (image / "python" / "bin").iterdir()] == ["fdk"]
    names = ("pip", "setuptools", "wheel", "pytest", "Cython", "aiohttp", "pkcs11", "responses", "typer", "epimetheus.testing", "oci.core")
    program = f"import importlib.util; print([name for name in {names} if importlib.util.find_spec(name)])"
    done = subprocess.run([PYTHON, "-S", "-c", program], env=environment(image), cwd=image, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_every_module_in_the_image_is_one_that_the_function_imports(image):
    """What only a terminal imports belongs into .dockerignore."""
    program = "import sys, func; print(*(name for name in sys.modules if name.partition('.')[0] == 'epimetheus'))"
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
    assert {"identity", "object_storage", "secrets", "monitoring", "auth", "retry"} <= named
    sdk = image / "python" / "oci"
    assert [name for name in named if not (sdk / name).is_dir() and not (sdk / f"{name}.py").is_file()] == []


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
