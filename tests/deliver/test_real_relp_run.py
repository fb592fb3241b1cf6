"""A whole run over RELP to rsyslog's imrelp."""

import os

import pytest

from epimetheus.function.invoke import RunFailed
from epimetheus.testing.syslog import Authority
from tests.support.harness import event_id
from tests.support.receivers import RELP_KINDS, missing, real_receiver

pytestmark = pytest.mark.skipif(bool(missing()) and "CI" not in os.environ, reason=missing() or "installed")


def test_a_run_over_relp_sends_unacknowledged_events_again(stage, tmp_path):
    stage.world.put_hook = None  # the hook checks the stand-in receiver
    ids = stage.emit(stage.world.tenancy, 300, 30, 20)
    with real_receiver(RELP_KINDS[0], tmp_path / "relp", Authority(tmp_path / "relp-authority")) as receiver:
        settings = {
            "SYSLOG_TRANSPORT": "relp",
            "SYSLOG_PORT": str(receiver.port),
            "SYSLOG_CA": f"file:{receiver.authority.ca}",
        }
        report = stage.run(**settings)
        assert (report.status, report.forwarded) == ("ok", 300)
        assert (report.receiver["confirmation"], report.receiver["connections"]) == ("relp_ack", 1)
        receiver.kill()
        stage.hand.forward(600)
        ids += stage.emit(stage.world.tenancy, 100, 5)
        with pytest.raises(RunFailed, match="Connection refused"):
            stage.call(**settings)
        receiver.start()
        assert stage.run(**settings).forwarded == 100
        assert [event_id(line.encode()) for line in receiver.lines()] == ids
