"""Logging search: which logs, which times, which lines, page by page; and loud about the rest of the query language."""

from datetime import UTC, datetime, timedelta

import oci
import pytest

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LINE = {"event": "run", "message": "all is well"}
TEXT = {"message": '{"event":"run","message":"all is well"}', "src": "STDERR"}


def search(door, query, start=NOON, end=NOON + timedelta(minutes=1), *, info=False, **more):
    details = oci.loggingsearch.models.SearchLogsDetails(
        time_start=start, time_end=end, search_query=query, is_return_field_info=info
    )
    return door.client(oci.loggingsearch.LogSearchClient).search_logs(details, **more)


def data(answer):
    return [result.data["logContent"]["data"] for result in answer.data.results]


def test_an_entry_is_what_logging_keeps_of_a_line_of_a_function(door, world):
    world.add_log(LINE, NOON.timestamp() + 1.5)
    (result,) = search(door, f'search "{world.tenancy}"').data.results
    content = result.data["logContent"]
    assert result.data["datetime"] == 1767268801500
    assert sorted(content) == ["data", "id", "oracle", "source", "specversion", "subject", "time", "type"]
    assert (content["data"], content["time"]) == (LINE, "2026-01-01T12:00:01.500Z")
    assert content["type"] == "com.oraclecloud.functions.application.functioninvoke"
    assert sorted(content["oracle"]) == ["compartmentid", "ingestedtime", "loggroupid", "logid", "tenantid"]


def test_logs_between_two_times(door, world):
    for name, second in (("before", -1), ("in", 0), ("after", 60)):
        world.add_log({"message": name}, NOON.timestamp() + second)
    answer = search(door, f'search "{world.tenancy}"')
    assert (data(answer), answer.data.summary.result_count) == ([{"message": "in"}], 1)


def test_a_scope_is_a_compartment_without_those_below_it_or_a_group_in_it_or_one_log(door, world):
    below = world.add_compartment("below")
    for number, places in enumerate([(below, "g1", "l1"), (below, "g1", "l2"), (below, "g2", "l1"), (world.tenancy, "g1", "l1")]):
        oracle = dict(zip(("compartmentid", "loggroupid", "logid"), places, strict=True))
        world.add_log({"data": {"message": str(number)}, "oracle": oracle}, NOON.timestamp() + number)

    def numbers(*scopes):
        named = ", ".join(f'"{scope}"' for scope in scopes)
        return "".join(one["message"] for one in data(search(door, f"search {named} | sort by datetime", limit=2)))

    world.page_size = 10
    assert numbers(world.tenancy) == "3"
    assert numbers(f"{below}/g1") == "01"
    assert numbers(f"{below}/g2/l1") == "2"
    assert numbers(f"{below}/g2", world.tenancy) == "23"
    assert numbers(f"{below}/g3") == ""


def test_pages_lead_on_by_a_header_and_a_token_serves_its_own_query_only(door, world):
    for number in range(5):
        world.add_log({"message": str(number)}, NOON.timestamp() + number)
    query, pages, page = f'search "{world.tenancy}" | sort by datetime desc', [], None
    for _ in range(3):
        answer = search(door, query, limit=1000, **({"page": page} if page else {}))
        pages.append([one["message"] for one in data(answer)])
        last, page = page, answer.next_page
    assert (pages, page) == ([["4", "3"], ["2", "1"], ["0"]], None)
    with pytest.raises(oci.exceptions.ServiceError) as failed:
        search(door, query.replace(" desc", " asc"), limit=1000, page=last)
    assert (failed.value.status, failed.value.code) == (400, "InvalidParameter")


def test_lines_are_chosen_by_what_stands_in_a_field(door, world):
    world.page_size = 10
    for number, line in enumerate([LINE, TEXT, {"event": "trouble"}, {"message": "the run"}]):
        world.add_log(line, NOON.timestamp() + number)
    where = """where data.event = 'run' or data.message = '*"event":"run"*'"""
    assert data(search(door, f'search "{world.tenancy}" | {where}')) == [LINE, TEXT]
    assert data(search(door, f"search \"{world.tenancy}\" | data.message = 'the run'")) == [{"message": "the run"}]
    assert data(search(door, f"search \"{world.tenancy}\" | where data.message = 'run'")) == []


def test_a_compartment_that_is_unknown_or_may_not_be_read_is_a_404(door, world):
    closed = world.add_compartment("closed")
    world.forbid(closed)
    for scope in (closed, "ocid1.compartment.oc1..nowhere/group"):
        with pytest.raises(oci.exceptions.ServiceError) as failed:
            search(door, f'search "{world.tenancy}", "{scope}"')
        assert (failed.value.status, failed.value.code) == (404, "NotAuthorizedOrNotFound")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        ('search "application"', 400),
        ("search ocid1.tenancy.oc1..x", 501),
        ('search "ocid1.tenancy.oc1..x" | summarize count()', 501),
        ("search \"ocid1.tenancy.oc1..x\" | where data.event = 'run' and data.level = 'INFO'", 501),
        ('search "ocid1.tenancy.oc1..x" | sort by data.level', 501),
    ],
)
def test_what_it_can_not_search_it_does_not_answer(door, query, status):
    with pytest.raises(oci.exceptions.ServiceError) as failed:
        search(door, query)
    assert failed.value.status == status


@pytest.mark.parametrize(
    ("start", "end", "more", "status"),
    [
        (NOON, NOON, {}, 400),
        (NOON, NOON + timedelta(days=14, seconds=1), {}, 400),
        (NOON, NOON + timedelta(days=14), {"limit": 1001}, 400),
        (NOON, NOON + timedelta(days=14), {"info": True}, 501),
    ],
)
def test_times_and_limits_that_are_refused(door, world, start, end, more, status):
    with pytest.raises(oci.exceptions.ServiceError) as failed:
        search(door, f'search "{world.tenancy}"', start, end, **more)
    assert failed.value.status == status
