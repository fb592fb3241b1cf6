"""The real process is killed between an entry of the ledger and the state: what the entry has is not sent again."""

import http.client
import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from epimetheus.ledger.entry import unpack as unpack_entry
from epimetheus.state.encoding import pack, unpack
from epimetheus.testing.function import serve_function
from epimetheus.testing.oci import World, serve
from epimetheus.testing.syslog import Authority, receive
from tests.support.harness import event_id, keys_in

ROOT = Path(__file__).parents[2]
STATE, LEDGER = "epimetheus/us-ashburn-1.state", "epimetheus/ledger/us-ashburn-1/"


def entries(world):
    """The entries of the ledger, in the order of their names."""
    objects = world.objects("audit-state")
    return [unpack_entry(objects[name], name) for name in sorted(objects) if name.startswith(LEDGER)]


def state(world):
    return unpack(world.objects("audit-state")[STATE], "the state")


@pytest.mark.parametrize("number", [1, 2])
def test_a_process_that_is_killed_between_an_entry_and_the_state_sends_nothing_twice(tmp_path, api_key, number):
    world = World(api_key=api_key)
    world.bucket("audit-state")
    end = time.time() - 600
    ids = world.emit(world.tenancy, 200, end - 2400, end)
    authority = Authority(tmp_path / "authority")
    with receive(authority) as receiver, serve(world) as served:
        environment = {
            "PYTHONPATH": str(ROOT),
            "OCI_AUTH": "config_file",
            "OCI_CONFIG_FILE": str(world.credentials(tmp_path)),
            "OCI_ENDPOINT": served.url,
            "SYSLOG_HOST": "localhost",
            "SYSLOG_PORT": str(receiver.port),
            "SYSLOG_CA": f"file:{authority.ca}",
            "STATE_BUCKET": "audit-state",
            "INITIAL_LOOKBACK_HOURS": "1",
            "SLICE_MINUTES": "15",
        }
        with serve_function(ROOT / "func.py", environment) as function:

            def kill(write):
                if write.name.startswith(LEDGER) and len(entries(world)) == number:
                    function.process.kill()
                    function.process.wait()

            world.put_hook = kill
            with pytest.raises((OSError, http.client.HTTPException)):
                function.call()
        world.put_hook = None
        entered, cursor = sum(map(keys_in, entries(world))), state(world).through
        assert (len(entries(world)), len(receiver.messages)) == (number, entered)
        assert 0 < entered < 200
        assert cursor < max(entry.window.end for entry in entries(world))
        world.put("audit-state", STATE, pack(replace(state(world), lease=None)))  # as `state unlock` does
        with serve_function(ROOT / "func.py", environment) as function:
            answer = function.call()
        (report,) = json.loads(answer.body)
        assert (report["status"], report["forwarded"]) == ("ok", 200 - entered)
        assert sorted(one for one in map(event_id, receiver.messages) if not one.startswith("seal-")) == sorted(ids)
