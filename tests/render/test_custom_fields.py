"""FIELD_MAP applied to names and to trees: renamed, added, omitted and ordered names."""

import copy

import pytest

from epimetheus.render.custom_fields import NO_FIELDS, Fields, apply_to_tree, arrange, get_path

PAIRS = [("rt", "1"), ("cs1", "bucket"), ("cs3", "prod"), ("suser", "amara")]
EVENT = {
    "eventTime": "2026",
    "data": {"identity": {"principalName": "amara", "callerName": None}, "list": [{"a": 1, "b": 2}, 5]},
    "source": "ComputeApi",
}
VALUES = {"data.path": "root/prod", "empty": ""}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (NO_FIELDS, PAIRS),
        (Fields(omitted=frozenset(("rt", "cs1", "cs3"))), [("suser", "amara")]),
        (Fields(renamed={"suser": "user"}), [*PAIRS[:3], ("user", "amara")]),
        (Fields(renamed={"suser": "suser"}), PAIRS),
        (Fields(renamed={"cs1": "cs3", "cs3": "cs1"}), [("rt", "1"), ("cs3", "bucket"), ("cs1", "prod"), ("suser", "amara")]),
        (Fields(renamed={"cs3": "cs1"}), [("rt", "1"), ("cs1", "prod"), ("suser", "amara")]),
        (Fields(renamed={"absent": "cs1"}), [("rt", "1"), ("cs3", "prod"), ("suser", "amara")]),
        (Fields(renamed={"suser": "user"}, omitted=frozenset(("suser",))), PAIRS[:3]),
        (Fields(added={"cs5": "data.path"}), [*PAIRS, ("cs5", "root/prod")]),
        (Fields(added={"rt": "data.path"}), [*PAIRS[1:], ("rt", "root/prod")]),
        (Fields(added={"rt": "nowhere", "cs5": "empty"}), PAIRS[1:]),
        (Fields(added={"cs3": "data.path"}, renamed={"cs3": "cs4"}), [*PAIRS[:2], ("cs4", "prod"), PAIRS[3], ("cs3", "root/prod")]),
        (Fields(ordered=("suser", "absent", "cs3")), [PAIRS[3], PAIRS[2], PAIRS[0], PAIRS[1]]),
        (Fields(renamed={"suser": "user"}, ordered=("user", "suser")), [("user", "amara"), *PAIRS[:3]]),
        (Fields(added={"path": "data.path"}, ordered=("path",)), [("path", "root/prod"), *PAIRS]),
    ],
)
def test_arrange(fields, expected):
    values = [value for _, value in PAIRS] + [VALUES.get(path) for path in fields.added.values()]
    arranged = arrange([name for name, _ in PAIRS], fields)
    assert [(name, values[index]) for name, index in arranged if values[index]] == expected


def data(**changes):
    """The event with changed ``data``; None removes a key."""
    return {**EVENT, "data": {key: value for key, value in {**EVENT["data"], **changes}.items() if value is not None}}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (NO_FIELDS, EVENT),
        (Fields(omitted=frozenset(("source", "data.list", "data.nowhere", "nowhere.x", "eventTime.x"))), {
            "eventTime": "2026", "data": {"identity": EVENT["data"]["identity"]},
        }),
        (Fields(omitted=frozenset(("data.identity.callerName",))), data(identity={"principalName": "amara"})),
        (Fields(omitted=frozenset(("data.list.0", "data.list.7"))), data(list=[None, 5])),
        (Fields(omitted=frozenset(("data.list.0.a",))), data(list=[{"b": 2}, 5])),
        (Fields(renamed={"data.identity.principalName": "user"}), {**data(identity={"callerName": None}), "user": "amara"}),
        (Fields(renamed={"data.identity.principalName": "data.identity.user"}), data(identity={"callerName": None, "user": "amara"})),
        (Fields(renamed={"data.identity.principalName": "who.name"}), {**data(identity={"callerName": None}), "who": {"name": "amara"}}),
        (Fields(renamed={"data.list.0.a": "data.list.0.c"}), data(list=[{"b": 2, "c": 1}, 5])),
        (Fields(renamed={"source": "eventTime", "eventTime": "source"}), {**EVENT, "eventTime": "ComputeApi", "source": "2026"}),
        (Fields(renamed={"source": "source"}), EVENT),
        (Fields(renamed={"source": "eventTime.x"}), {"data": EVENT["data"], "eventTime": {"x": "ComputeApi"}}),
        (Fields(renamed={"data.identity.callerName": "caller"}), data(identity={"principalName": "amara"})),
        (Fields(renamed={"nowhere": "source"}), {"eventTime": "2026", "data": EVENT["data"]}),
        (Fields(renamed={"source": "service"}, omitted=frozenset(("source",))), {"eventTime": "2026", "data": EVENT["data"]}),
        (Fields(renamed={"data.list.1": "five"}, omitted=frozenset(("data",))), {"eventTime": "2026", "source": "ComputeApi", "five": 5}),
        (Fields(added={"path": "data.path"}), {**EVENT, "path": "root/prod"}),
        (Fields(added={"data.identity.path": "data.path"}), data(identity={**EVENT["data"]["identity"], "path": "root/prod"})),
        (
            Fields(added={"data.list.1": "data.path", "data.list.9": "data.path", "data.list.x": "data.path"}),
            data(list=[{"a": 1, "b": 2}, "root/prod"]),
        ),
        (Fields(added={"source": "nowhere"}), {"eventTime": "2026", "data": EVENT["data"]}),
    ],
)  # fmt: skip
def test_apply_to_tree_returns_a_changed_copy(fields, expected):
    event = copy.deepcopy(EVENT)
    assert apply_to_tree(event, fields, VALUES.get) == expected
    assert event == EVENT


def test_ordered_names_come_first_in_every_object():
    fields = Fields(renamed={"source": "service"}, ordered=("data.list.0.b", "data.identity.callerName", "service", "data.nowhere", "a.b"))
    changed = apply_to_tree(EVENT, fields, VALUES.get)
    assert list(changed) == ["data", "service", "eventTime"]
    assert list(changed["data"]) == ["list", "identity"]
    assert list(changed["data"]["identity"]) == ["callerName", "principalName"]
    assert list(EVENT["data"]["identity"]) == ["principalName", "callerName"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("eventTime", "2026"),
        ("data.identity.principalName", "amara"),
        ("data.list.0.b", 2),
        ("data.list.1", 5),
        ("data.list.2", None),
        ("data.list.-1", None),
        ("data.list.x", None),
        ("data.list." + "9" * 5000, None),
        ("data.identity.callerName", None),
        ("data.identity.callerName.x", None),
        ("eventTime.0", None),
        ("nowhere.at.all", None),
        ("", None),
        ("data." * 5000, None),
    ],
)
def test_get_path(path, expected):
    assert get_path(EVENT, path) == expected
