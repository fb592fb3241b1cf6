"""The ledger after an operator's mistakes and under attack, through the real function: what must still arrive, and what must not twice."""

from epimetheus.testing.syslog import Authority, receive
from tests.run.test_reconcile import ONE_PASS
from tests.support.harness import event_id


def test_the_entries_of_another_deployment_do_not_hide_events(stage, tmp_path):
    """Two deployments with their own buckets for the state share one for the ledger; each sends to its own receiver."""
    stage.world.bucket("ledger")
    stage.world.bucket("other-state")
    shared = {**ONE_PASS, "LEDGER_BUCKET": "ledger"}
    authority = Authority(tmp_path / "other")
    with receive(authority) as other:
        second = {**shared, "STATE_BUCKET": "other-state", "SYSLOG_PORT": str(other.port), "SYSLOG_CA": f"file:{authority.ca}"}
        stage.run(**shared)
        stage.run(**second)
        ids = stage.emit(stage.world.tenancy, 10, 0)
        stage.hand.forward(600)
        assert stage.run(**shared).forwarded == 10
        report = stage.run(**second)
        assert (report.forwarded, [event_id(message) for message in other.messages]) == (10, ids)
        (warning,) = report.warnings
        where = f"oci://ledger@{stage.world.namespace}/epimetheus/ledger/us-ashburn-1/"
        mine = f"oci://other-state@{stage.world.namespace}/epimetheus/us-ashburn-1.state"
        start = f"The ledger {where} is shared with another deployment: 1 entry is not of the state {mine}, such as 2026/01/01/"
        assert warning.startswith(start)
        assert "Set a different STATE_PREFIX or LEDGER_BUCKET for each deployment." in warning
        stage.hand.forward(7200)
        assert [stage.run(**settings).forwarded for settings in (shared, second)] == [0, 0]
        assert stage.arrived() == ids
