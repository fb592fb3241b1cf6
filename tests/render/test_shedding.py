"""Reducing an event to the size limit: the cost is linear in its size, and no more is removed than necessary."""

import json
import time

import pytest

from epimetheus.render.renderer import Renderer
from tests.render.helpers import OCSF, SETTINGS, event, fetched, parts


def nest(depth, value):
    for _ in range(depth):
        value = {"a": value}
    return value


SHAPES = {
    "wide": lambda count: {f"k{number}": {"a": 1} for number in range(count)},
    "deep": lambda count: {"x": nest(60, [["y" * 50]] * (count // 5)), "z": nest(60, ["z" * 3000] * (count // 100))},
    "both": lambda count: {f"k{number}": nest(20, {"a": "x" * 20}) for number in range(count // 10)},
    "strings": lambda count: {f"k{number}": "v" * 40 for number in range(count)},
    "long names": lambda count: {f"k{number}" * 30: [number] for number in range(count // 10)},
}


def cost(form, header, raw):
    """CPU seconds for one event, the minimum of three."""
    given = fetched(raw)
    renderer = Renderer(**{**SETTINGS, "format": form, "header": header, "max_bytes": 8000})
    seconds = []
    for _ in range(3):
        began = time.process_time()
        rendered = renderer(given, 7)
        seconds.append(time.process_time() - began)
        assert (len(rendered.message) <= 8000, rendered.trimmed, rendered.abridged) == (True, True, False)
    return min(seconds)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize(("form", "header"), [("json", "rfc5424"), ("json", "rfc3164"), ("ocsf", "rfc5424")])
def test_cost_is_linear_in_the_number_of_members(name, form, header):
    small, large = (cost(form, header, event(**SHAPES[name](count))) for count in (2000, 8000))
    assert large < 8 * small + 0.02  # quadratic cost would be 16 times


@pytest.mark.parametrize("form", ["json", "ocsf"])
def test_4000_members_of_data_are_removed_within_a_second(form):
    assert cost(form, "rfc5424", event(**{f"k{number}": nest(1, {"b": "c" * 20}) for number in range(4000)})) < 1


def test_no_more_is_removed_than_necessary_and_in_order():
    raw = event(additionalDetails={"x": "y" * 100}, **{f"k{number:02}": {"a": "b" * 80} for number in range(40)})
    message = parts(Renderer(**{**SETTINGS, "format": "json", "max_bytes": 2500})(fetched(raw), 7).message)
    names = message["trimmed"].split(",")
    kept = json.loads(message["msg"])["data"]
    assert names[0] == "additionalDetails"
    assert names[1:] == [f"k{number:02}" for number in range(len(names) - 1)]
    assert list(kept) == ["eventName", *[f"k{number:02}" for number in range(len(names) - 1, 40)]]
    assert len(message["msg"]) + len('"k00":{"a":""},') + 80 > 2500 - 150  # one more member would not have fitted


def test_removed_members_are_named_and_their_emptied_parents_are_not():
    raw = event(request={"headers": {"a": "b" * 600}, "id": "r"}, stateChange={"current": {"x": "y" * 600}}, newByOracle={"z": "w" * 600})
    for form, max_bytes, trimmed in (
        ("json", 700, "request.headers,stateChange,newByOracle"),
        ("json", 1300, "request.headers,stateChange"),
        ("ocsf", 900, "request.headers,stateChange,newByOracle"),
    ):
        message = parts(Renderer(**{**SETTINGS, "format": form, "max_bytes": max_bytes})(fetched(raw), 7).message)
        assert message["trimmed"] == trimmed
        if form == "ocsf":
            OCSF.validate(json.loads(message["msg"]))
