"""Logging search: scopes, times, filters, pages, and rejection of unsupported queries."""

from datetime import UTC, datetime, timedelta

import oci
import pytest

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LINE = {"event": "run", "message": "all is well"}
TEXT = {"message": '{"event":"run","message":"all is well"}', "src": "STDERR"}


def search(endpoint, query, start=NOON, end=NOON + timedelta(minutes=1), *, info=False, **more):
    details = oci.loggingsearch.models.SearchLogsDetails(
        time_start=start, time_end=end, search_query=query, is_return_field_info=info
    )
    return endpoint.client(oci.loggingsearch.LogSearchClient).search_logs(details, **more)


def data(response):
    return [result.data["logContent"]["data"] for result in response.data.results]


def test_an_entry_has_the_form_of_a_function_log_line(endpoint, world):
    world.add_log(LINE, NOON.timestamp() + 1.5)
    (result,) = search(endpoint, f'search "{world.tenancy}"').data.results
    content = result.data["logContent"]
    assert result.data["datetime"] == 1767268801500
    assert sorted(content) == ["data", "id", "oracle", "source", "specversion", "subject", "time", "type"]
    assert (content["data"], content["time"]) == (LINE, "2026-01-01T12:00:01.500Z")
    assert content["type"] == "com.oraclecloud.functions.application.functioninvoke"
    assert sorted(content["oracle"]) == ["compartmentid", "ingestedtime", "loggroupid", "logid", "tenantid"]


def test_entries_between_two_times(endpoint, world):
    for name, second in (("before", -1), ("in", 0), ("after", 60)):
        world.add_log({"message": name}, NOON.timestamp() + second)
    response = search(endpoint, f'search "{world.tenancy}"')
    assert (data(response), response.data.summary.result_count) == ([{"message": "in"}], 1)


def test_a_scope_is_a_compartment_without_its_children_or_a_log_group_or_a_log(endpoint, world):
    below = world.add_compartment("below")
    for number, places in enumerate([(below, "g1", "l1"), (below, "g1", "l2"), (below, "g2", "l1"), (world.tenancy, "g1", "l1")]):
        oracle = dict(zip(("compartmentid", "loggroupid", "logid"), places, strict=True))
        world.add_log({"data": {"message": str(number)}, "oracle": oracle}, NOON.timestamp() + number)

    def numbers(*scopes):
        named = ", ".join(f'"{scope}"' for scope in scopes)
        return "".join(one["message"] for one in data(search(endpoint, f"search {named} | sort by datetime", limit=2)))

    world.page_size = 10
    assert numbers(world.tenancy) == "3"
    assert numbers(f"{below}/g1") == "01"
    assert numbers(f"{below}/g2/l1") == "2"
    assert numbers(f"{below}/g2", world.tenancy) == "23"
    assert numbers(f"{below}/g3") == ""


def test_the_page_token_is_in_a_header_and_valid_for_its_query_only(endpoint, world):
    for number in range(5):
        world.add_log({"message": str(number)}, NOON.timestamp() + number)
    query, pages, page = f'search "{world.tenancy}" | sort by datetime desc', [], None
    for _ in range(3):
        response = search(endpoint, query, limit=1000, **({"page": page} if page else {}))
        pages.append([one["message"] for one in data(response)])
        last, page = page, response.next_page
    assert (pages, page) == ([["4", "3"], ["2", "1"], ["0"]], None)
    with pytest.raises(oci.exceptions.ServiceError) as error:
        search(endpoint, query.replace(" desc", " asc"), limit=1000, page=last)
    assert (error.value.status, error.value.code) == (400, "InvalidParameter")


def test_entries_are_filtered_by_field(endpoint, world):
    world.page_size = 10
    for number, line in enumerate([LINE, TEXT, {"event": "problem"}, {"message": "the run"}]):
        world.add_log(line, NOON.timestamp() + number)
    where = """where data.event = 'run' or data.message = '*"event":"run"*'"""
    assert data(search(endpoint, f'search "{world.tenancy}" | {where}')) == [LINE, TEXT]
    assert data(search(endpoint, f"search \"{world.tenancy}\" | data.message = 'the run'")) == [{"message": "the run"}]
    assert data(search(endpoint, f"search \"{world.tenancy}\" | where data.message = 'run'")) == []


def test_an_unknown_or_forbidden_compartment_is_a_404(endpoint, world):
    closed = world.add_compartment("closed")
    world.forbid(closed)
    for scope in (closed, "ocid1.compartment.oc1..nowhere/group"):
        with pytest.raises(oci.exceptions.ServiceError) as error:
            search(endpoint, f'search "{world.tenancy}", "{scope}"')
        assert (error.value.status, error.value.code) == (404, "NotAuthorizedOrNotFound")


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
def test_unsupported_queries_are_rejected(endpoint, query, status):
    with pytest.raises(oci.exceptions.ServiceError) as error:
        search(endpoint, query)
    assert error.value.status == status


@pytest.mark.parametrize(
    ("start", "end", "more", "status"),
    [
        (NOON, NOON, {}, 400),
        (NOON, NOON + timedelta(days=14, seconds=1), {}, 400),
        (NOON, NOON + timedelta(days=14), {"limit": 1001}, 400),
        (NOON, NOON + timedelta(days=14), {"info": True}, 501),
    ],
)
def test_invalid_times_and_limits_are_rejected(endpoint, world, start, end, more, status):
    with pytest.raises(oci.exceptions.ServiceError) as error:
        search(endpoint, f'search "{world.tenancy}"', start, end, **more)
    assert error.value.status == status
