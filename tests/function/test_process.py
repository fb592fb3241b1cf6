"""The function as the platform runs it: fdk in its own process, configured by environment variables only."""

import json
import os
import random
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from epimetheus.state.encoding import unpack
from epimetheus.testing.function import serve_function
from epimetheus.testing.oci import World, serve
from epimetheus.testing.syslog import Authority, receive
from tests.support.budget import budget
from tests.support.harness import event_id

ROOT = Path(__file__).parents[2]
STATE = "epimetheus/us-ashburn-1.state"


@contextmanager
def deployed(folder, api_key, *, compartments, events, page_size=1000, **settings):
    """A served world with ``events`` in ``compartments``, a receiver and the function. Yields these, and the events' ids."""
    world = World(page_size=page_size, api_key=api_key)
    world.bucket("audit-state")
    places = [world.tenancy, *(world.add_compartment(f"c{number}") for number in range(compartments - 1))]
    end = time.time() - 600
    share, rest = divmod(events, compartments)
    ids = [
        event for number, place in enumerate(places) for event in world.emit(place, share + (number < rest), end - 1800, end, seed=number)
    ]
    authority = Authority(folder / "authority")
    with receive(authority) as receiver, serve(world) as served:
        environment = {
            "OCI_AUTH": "config_file",
            "OCI_CONFIG_FILE": str(world.credentials(folder)),
            "OCI_ENDPOINT": served.url,
            "SYSLOG_HOST": "localhost",
            "SYSLOG_PORT": str(receiver.port),
            "SYSLOG_CA": f"file:{authority.ca}",
            "STATE_BUCKET": "audit-state",
            "API_REQUESTS_PER_SECOND": "1000",
            "INITIAL_LOOKBACK_HOURS": "1",
            **settings,
        }
        with serve_function(ROOT / "func.py", environment) as function:
            yield world, receiver, function, ids


def through(world):
    return unpack(world.objects("audit-state")[STATE], "the state").through


def arrived(receiver):
    return events_in(receiver.messages)


def events_in(messages):
    return [event for event in map(event_id, messages) if not event.startswith("seal-")]


def on_state(world, call):
    """Calls ``call`` with each state that is written. The function waits for it, so it must be quick."""
    world.put_hook = lambda write: call(unpack(write.data, "a write")) if write.name.endswith(".state") else None


def test_the_events_of_200_compartments_arrive_in_one_invocation_and_the_next_sends_none_again(tmp_path, api_key):
    events = budget(quick=10_000, full=100_000)
    with deployed(tmp_path, api_key, compartments=200, events=events) as (world, receiver, function, ids):
        received_at_write = []
        on_state(world, lambda state: received_at_write.append((state.through, receiver.messages)))
        answer = function.call()
        assert answer.status == 200, answer.body
        (report,) = json.loads(answer.body)
        assert (report["status"], report["fetched"], report["forwarded"], report["duplicates"]) == ("ok", events, events, 0)
        assert report["receiver"]["confirmation"] == "tls_close_notify"
        assert sorted(arrived(receiver)) == sorted(ids)
        start = received_at_write[0][0]
        assert all(len(events_in(messages)) == events for cursor, messages in received_at_write if cursor > start)
        answer = function.call()
        assert answer.status == 200, answer.body
        (again,) = json.loads(answer.body)
        assert (again["status"], again["forwarded"], len(arrived(receiver))) == ("ok", 0, events)
        assert receiver.problems == []
        runs = [json.loads(line) for line in function.log_lines()]
        summaries = [(line["level"], line["event"], line["report"]["forwarded"]) for line in runs]
        assert summaries == [("INFO", "run", events), ("INFO", "run", 0)]


@pytest.mark.parametrize("seed", range(1, budget(quick=2, full=4)))
def test_a_receiver_that_dies_at_a_random_point_causes_duplicates_only(tmp_path, api_key, seed):
    events = budget(quick=5_000, full=20_000)
    after = random.Random(seed).randrange(1, events)
    with deployed(tmp_path, api_key, compartments=20, events=events) as (world, receiver, function, ids):
        start = []
        on_state(world, lambda state: start.append(state.through))
        receiver.faults.add("die", after=after)
        answer = function.call()
        assert (answer.status, through(world)) == (502, start[0]), f"died after {after}"
        assert b"may not have arrived" in answer.body
        receiver.start()
        answer = function.call()
        (report,) = json.loads(answer.body)
        assert (answer.status, report["status"], report["unconfirmed"]) == (200, "ok", 0)
        assert set(arrived(receiver)) == set(ids), f"died after {after}"
        failed = json.loads(function.log_lines()[0])
        assert failed["report"]["error"]["kind"] == "delivery_uncertain"
        assert report["duplicates"] == failed["report"]["forwarded"]
        assert len(arrived(receiver)) <= events + after - report["duplicates"]


def test_invalid_settings_are_in_the_platforms_response(tmp_path):
    with serve_function(ROOT / "func.py", {"SYSLOG_HSOT": "siem", "SYSLOG_PORT": "0"}) as function:
        answer = function.call()
    assert answer.status == 502
    text = answer.body.decode()
    assert "SYSLOG_HSOT" in text
    assert "SYSLOG_HOST" in text
    assert "SYSLOG_PORT=0" in text
    assert "Traceback" not in text


def test_an_invalid_request_is_rejected(tmp_path, api_key):
    with deployed(tmp_path, api_key, compartments=1, events=0) as (_, _, function, _):
        for body, why in ((b'{"action": "dance"}', "dance"), (b"[", "The request was rejected"), (b'{"acton": "run"}', "acton")):
            answer = function.call(body)
            assert (answer.status, why in answer.body.decode()) == (502, True)
        assert function.call(b'{"action": "run"}').status == 200
        assert function.call(b" {} ").status == 200


def test_importing_the_function_loads_no_test_or_cli_modules():
    program = "import sys, func; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, env={"PATH": os.defpath})
    loaded = set(done.stdout.split())
    assert "epimetheus.function.invoke" in loaded
    excluded = ("responses", "rich", "typer", "trustme", "hypothesis", "epimetheus.testing", "epimetheus.cli.app", "epimetheus.cli.demo")
    assert [name for name in loaded if name.startswith(excluded)] == []


def test_without_permission_to_list_regions_the_function_reads_its_own_and_says_so(tmp_path, api_key):
    with deployed(tmp_path, api_key, compartments=2, events=40) as (world, receiver, function, ids):
        world.faults.add("status", status=404, operation="ListRegionSubscriptions", times=None)
        answer = function.call()
        (report,) = json.loads(answer.body)
        assert (answer.status, report["region"], report["status"], report["forwarded"]) == (200, "us-ashburn-1", "partial", 40)
        assert report["coverage"] == {
            "regions": {
                "all": True, "listed": None, "subscribed": None, "polled": ["us-ashburn-1"], "excluded": [], "uncovered": [],
                "home": None, "home_polled": None,
            },
            "compartments": {"existing": 2, "polled": 2, "excluded": 0, "unreadable": [], "unlisted": []},
        }  # fmt: skip
        assert report["warnings"][0].endswith("add this statement: Allow group NAME to inspect tenancies in tenancy")
        assert sorted(arrived(receiver)) == sorted(ids)
        metrics = {one["name"]: one["datapoints"][0]["value"] for one in world.metrics}
        assert (metrics["regions_uncovered"], metrics["compartments_uncovered"]) == (1, 0)
        world.faults.clear()
        (report,) = json.loads(function.call().body)
        assert (report["status"], report["coverage"]["regions"]["home_polled"]) == ("ok", True)
