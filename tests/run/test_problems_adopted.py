"""``state adopt --region cloud-guard``: the question says what becomes of problems, and the next poll does just that."""

import pytest

from epimetheus.testing.syslog import Authority, receive
from tests.cli.test_app import terminal  # noqa: F401 - a fixture
from tests.run.test_problems import POLL

SENT_AGAIN = "Problems of the last 180 days whose entries are not in ledger/epimetheus/ are sent again. Continue?"
NEW_ONES = "The new receiver gets problems that are new or change from now on, and no others. Continue?"
ADOPT = ("state", "adopt", "--region", "cloud-guard", "--reason", "new SIEM")


def problems(receiver):
    return sum(b'"activity":' in message for message in receiver.messages)


@pytest.mark.parametrize(("moves", "question"), [("receiver", NEW_ONES), ("ledger", SENT_AGAIN)])
def test_the_question_says_which_problems_are_sent(moves, question, terminal, tmp_path):  # noqa: F811
    stage, run_cli = terminal
    stage.environment |= {**POLL, "STATE_BUCKET": "audit-state", "STATE_FILE": ""}
    stage.world.bucket("ledger")
    guard, prod = stage.world.cloud_guard, stage.world.add_compartment("prod")
    first = [guard.add(prod) for _ in range(3)]
    assert run_cli("run").exit_code == 0
    assert problems(stage.receiver) == 3
    authority = Authority(tmp_path / "other")
    with receive(authority) as other:
        changes = {"LEDGER_BUCKET": "ledger"}
        if moves == "receiver":
            changes = {"SYSLOG_PORT": str(other.port), "SYSLOG_CA": f"file:{authority.ca}"}
        asked = run_cli(*ADOPT, answer="n\n", **changes)
        assert (asked.exit_code, question in " ".join(asked.output.split())) == (1, True), asked.output
        assert run_cli(*ADOPT, "--yes", **changes).exit_code == 0
        stage.hand.time += 120
        guard.resolve(first[0])
        assert run_cli("run", **changes).exit_code == 0
        assert (problems(other), problems(stage.receiver)) == {"receiver": (1, 3), "ledger": (0, 3 + 3)}[moves]
