"""The keys of versions of problems: a version is new unless it is the last one that was forwarded."""

from hypothesis import given
from hypothesis import strategies as st

from epimetheus.problem import version_of
from epimetheus.select.problems import KnownVersions

NOON = "2026-01-01T12:00:00.000Z"
OPEN = {"id": "ocid1.p", "timeLastDetected": NOON, "lifecycleState": "ACTIVE", "lifecycleDetail": "OPEN", "riskLevel": "LOW"}
CLOSED = {**OPEN, "lifecycleState": "INACTIVE", "lifecycleDetail": "RESOLVED"}


def test_the_same_time_in_another_form_is_the_same_version():
    assert version_of(OPEN) == version_of({**OPEN, "timeLastDetected": "2026-01-01T12:00:00+00:00", "description": "more"})
    assert version_of(OPEN) != version_of({**OPEN, "timeLastDetected": "2026-01-01T12:00:00.001Z"})
    assert version_of({**OPEN, "timeLastDetected": "yesterday"}) != version_of({**OPEN, "timeLastDetected": "today"})


def test_only_the_last_version_is_known():
    known = KnownVersions()
    assert (known.minute_of(OPEN), known.has(OPEN)) == (None, False)
    known.add(10, known.key(OPEN))
    assert (known.minute_of(OPEN), known.minute_of(CLOSED), known.has(CLOSED)) == (10, None, True)
    known.add(20, known.key(CLOSED))
    assert (known.minute_of(OPEN), known.minute_of(CLOSED)) == (None, 20)
    known.add(30, known.key(OPEN))
    assert (known.minute_of(OPEN), known.minute_of(CLOSED)) == (30, None)


def test_a_key_that_is_entered_again_has_the_later_minute_and_is_no_new_version():
    known = KnownVersions()
    old, new = known.key(OPEN), None
    known.add(10, old)
    known.add(20, new := known.key(CLOSED))
    known.add(30, old)
    assert known.minute_of(CLOSED) == 20
    known.add(40, new)
    assert known.minute_of(CLOSED) == 40


@given(st.lists(st.integers(0, 3), max_size=40), st.integers(1, 40))
def test_with_the_latest_entries_alone_the_same_version_is_known(states, kept):
    """Entries are read back for a limited time, in which the key of the last version is entered again."""
    versions = [{**OPEN, "riskLevel": str(state)} for state in states]
    entries = []
    for version in versions:
        known = KnownVersions()
        for minute, key in enumerate(entries[-kept:]):
            known.add(minute, key)
        if known.minute_of(version) is None:
            entries.append(known.key(version))
    sent = [one for one, before in zip(versions, [None, *versions], strict=False) if one != before]
    assert len(entries) == len(sent)


def test_a_version_is_new_however_often_the_problem_returns_to_it():
    known = KnownVersions()
    keys = set()
    for minute in range(720):  # one run a minute, in the hours for which entries are read back
        version = (OPEN, CLOSED)[minute % 2]
        assert known.minute_of(version) is None
        known.add(minute, known.doubt(version))
        known.add(minute, key := known.key(version))
        assert known.minute_of(version) == minute
        keys.add(key)
    assert len(keys) == 720


def test_after_a_doubt_every_version_is_new():
    known = KnownVersions()
    known.add(10, known.doubt(OPEN))
    assert (known.minute_of(OPEN), known.has(OPEN)) == (None, False)
    known.add(10, opened := known.key(OPEN))
    assert (known.minute_of(OPEN), known.has(OPEN)) == (10, True)
    known.add(20, first := known.doubt(CLOSED))
    assert (known.minute_of(OPEN), known.minute_of(CLOSED), known.has(OPEN)) == (None, None, True)
    known.add(30, second := known.doubt(OPEN))
    known.add(30, again := known.key(OPEN))
    assert (known.minute_of(OPEN), known.minute_of(CLOSED)) == (30, None)
    assert len({opened, first, second, again}) == 4


def test_attempts_are_the_doubts_since_the_last_version():
    known = KnownVersions()
    for number in range(3):
        assert known.attempts(OPEN) == number
        known.add(number, doubt := known.doubt(OPEN))
        known.add(number, doubt)
    known.add(4, opened := known.key(OPEN))
    assert (known.attempts(OPEN), known.attempts({**OPEN, "id": "ocid1.q"})) == (0, 0)
    known.add(5, known.doubt(CLOSED))
    known.add(6, opened)
    assert known.attempts(CLOSED) == 1


def test_problems_do_not_share_keys():
    known = KnownVersions()
    keys = {known.key({**OPEN, "id": f"ocid1.{number}"}) for number in range(1000)}
    assert len({key[:8] for key in keys}) == 1000
    assert {len(key) for key in keys} == {16}
