"""What shedding costs grows with the event, however it is nested; and it takes no more than need be."""

import json
import time

import pytest

from epimetheus.render import Renderer
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
    """Seconds of CPU for one event, the least of three."""
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
def test_four_times_the_members_cost_about_four_times_as_much(name, form, header):
    small, large = (cost(form, header, event(**SHAPES[name](count))) for count in (2000, 8000))
    assert large < 8 * small + 0.02  # of a square it would be 16 times


@pytest.mark.parametrize("form", ["json", "ocsf"])
def test_4000_members_directly_in_data_are_shed_in_a_moment(form):
    assert cost(form, "rfc5424", event(**{f"k{number}": nest(1, {"b": "c" * 20}) for number in range(4000)})) < 1


def test_no_more_is_shed_than_need_be_and_first_what_comes_first():
    raw = event(additionalDetails={"x": "y" * 100}, **{f"k{number:02}": {"a": "b" * 80} for number in range(40)})
    said = parts(Renderer(**{**SETTINGS, "format": "json", "max_bytes": 2500})(fetched(raw), 7).message)
    names = said["trimmed"].split(",")
    kept = json.loads(said["msg"])["data"]
    assert names[0] == "additionalDetails"
    assert names[1:] == [f"k{number:02}" for number in range(len(names) - 1)]
    assert list(kept) == ["eventName", *[f"k{number:02}" for number in range(len(names) - 1, 40)]]
    assert len(said["msg"]) + len('"k00":{"a":""},') + 80 > 2500 - 150  # the last that was kept would not have fitted


def test_what_is_shed_is_named_where_it_was_and_a_parent_without_members_is_not():
    raw = event(request={"headers": {"a": "b" * 600}, "id": "r"}, stateChange={"current": {"x": "y" * 600}}, newByOracle={"z": "w" * 600})
    for form, most, trimmed in (
        ("json", 700, "request.headers,stateChange,newByOracle"),
        ("json", 1300, "request.headers,stateChange"),
        ("ocsf", 900, "request.headers,stateChange,newByOracle"),
    ):
        said = parts(Renderer(**{**SETTINGS, "format": form, "max_bytes": most})(fetched(raw), 7).message)
        assert said["trimmed"] == trimmed
        if form == "ocsf":
            OCSF.validate(json.loads(said["msg"]))
