"""Matching of an export's messages with sealed ones."""

from hashlib import sha256

from epimetheus.verify.message import SiemMessage
from epimetheus.verify.sealed_messages import SealedMessages, event_key


def ids(*names):
    return b"".join(sha256(name.encode()).digest()[:8] if name else bytes(8) for name in names)


def sealed(*entries, regions=("fra",)):
    messages = SealedMessages()
    for region in regions:
        messages.add_host(region, region)
    for region, run, first, names in entries:
        messages.add(region, run, first, f"{run}-entry", ids(*names))
    return messages


def line(event_id="", run="", number=0, host="", is_cut=False):
    return SiemMessage(run, number, event_id.encode(), is_cut, host)


def matched(messages, *lines):
    for one in lines:
        messages.match(one)
    outcome = messages.outcome()
    return outcome.present, [(one.segment.run, one.first, one.last) for one in outcome.missing], outcome.unmatchable


def test_messages_are_matched_by_number_in_any_order():
    messages = sealed(("fra", "a", 1, ["x", "y", ""]), ("fra", "a", 4, ["z"]), ("fra", "b", 1, ["v"]))
    assert matched(messages, line("z", "a", 4), line("", "a", 3), line("x", "a", 1), line("v", "b", 1)) == (4, [("a", 2, 2)], 0)
    assert (messages.duplicates, messages.unsealed, messages.altered) == (0, 0, [])


def test_consecutive_missing_messages_are_one_range_in_each_entry():
    messages = sealed(("fra", "a", 1, ["x", "y", "w"]), ("fra", "a", 4, ["z"]))
    assert matched(messages, line("x", "a", 1)) == (1, [("a", 2, 3), ("a", 4, 4)], 0)
    assert messages.keys_of(messages.outcome().missing[0]) == [event_key(b"y"), event_key(b"w")]


def test_messages_without_numbers_are_matched_by_the_id_of_their_event():
    messages = sealed(("fra", "a", 1, ["x", "y", ""]))
    assert matched(messages, line("y"), line("other"), line("y")) == (1, [("a", 1, 1)], 1)
    assert (messages.duplicates, messages.unsealed) == (1, 1)


def test_a_message_without_an_id_is_missing_if_all_others_have_numbers():
    assert matched(sealed(("fra", "a", 1, ["x", ""])), line("x", "a", 1)) == (1, [("a", 2, 2)], 0)


def test_an_event_that_was_sent_twice_is_present_with_either_message():
    messages = sealed(("fra", "a", 1, ["x"]), ("fra", "b", 7, ["x"]))
    assert matched(messages, line("x")) == (2, [], 0)
    messages = sealed(("fra", "a", 1, ["x"]))
    assert matched(messages, line("x", "killed", 9), line("x", "a", 1), line("x", "a", 1)) == (1, [], 0)
    assert messages.duplicates == 2


def test_where_messages_have_numbers_only_an_additional_one_replaces_another():
    """Two versions of a problem have the same ID: if one of their messages was deleted, the other one does not stand for it."""
    twice = (("fra", "a", 1, ["x"]), ("fra", "b", 7, ["x"]), ("fra", "c", 1, ["x"]))
    assert matched(sealed(*twice), line("x", "b", 7), line("x", "b", 7)) == (1, [("a", 1, 1), ("c", 1, 1)], 0)
    for extra in (0, 1, 2):  # before, between or after the others
        lines = [line("x", "a", 1), line("x", "c", 1)]
        lines.insert(extra, line("x", "killed", 9))
        messages = sealed(*twice)
        assert matched(messages, *lines) == (3, [], 0)
        assert (messages.duplicates, messages.outcome().other_number) == (0, 1)
    assert matched(sealed(*twice), line("x", "killed", 9), line("x", "a", 1)) == (2, [("c", 1, 1)], 0)


def test_the_message_of_a_seal_is_not_that_of_an_event():
    """A forged entry can have its ID, or none under its number."""
    for name, number in (("seal-fra-3-0123456789abcdef", 1), ("", 5)):
        messages = sealed(("fra", "honest", 2, ["y"]))
        segment = messages.add("fra", "a", number, "forged", ids(name))
        messages.match(line("seal-fra-3-0123456789abcdef", "a", 5))
        assert messages.count_own(segment) == 0


def test_another_event_id_at_a_sealed_number_is_altered():
    messages = sealed(("fra", "a", 1, ["x", "y"]))
    assert matched(messages, line("y", "a", 1), line("x", "a", 2)) == (0, [], 0)
    assert [(one.segment.run, one.sequence, one.event_id, one.key) for one in messages.altered] == [
        ("a", 1, "y", event_key(b"x")),
        ("a", 2, "x", event_key(b"y")),
    ]


def test_an_additional_message_at_a_sealed_number_is_altered_and_nothing_is_missing():
    messages = sealed(("fra", "a", 1, ["x"]))
    assert matched(messages, line("x", "a", 1), line("forged", "a", 1)) == (1, [], 0)
    assert [one.event_id for one in messages.altered] == ["forged"]


def test_regions_that_share_the_id_of_a_run_are_told_apart_by_host_name_or_event_id():
    messages = sealed(("fra", "a", 1, ["x", "y"]), regions=("fra", "iad"))
    assert matched(messages, line("other", "a", 2, "iad"), line("another", "a", 1, "siem"), line("x", "a", 1, "siem")) == (
        1,
        [("a", 2, 2)],
        0,
    )
    assert (messages.altered, messages.unsealed) == ([], 2)
    messages.match(line("x", "a", 2, "fra"))
    assert len(messages.altered) == 1


def test_a_cut_id_decides_nothing():
    messages = sealed(("fra", "a", 1, ["x" * 50]))
    assert matched(messages, line("x" * 40, "a", 1, is_cut=True)) == (1, [], 0)
    messages = sealed(("fra", "a", 1, ["x" * 50]))
    assert matched(messages, line("x" * 40, is_cut=True)) == (0, [("a", 1, 1)], 0)


def test_the_message_of_a_seal_is_not_unsealed():
    messages = sealed(("fra", "a", 1, ["x"]))
    assert matched(messages, line("x", "a", 1), line("seal-fra-12-0123456789abcdef", "a", 2)) == (1, [], 0)
    assert messages.unsealed == 0


def test_a_million_places_are_found_in_the_index():
    names = [f"event-{number}" for number in range(3000)]
    messages = sealed(("fra", "a", 1, names))
    assert matched(messages, *[line(name) for name in reversed(names)]) == (3000, [], 0)
