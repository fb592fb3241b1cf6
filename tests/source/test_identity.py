"""The SDK's Identity client before the stand-in, in process and over HTTP: the set of compartments is whole, or there is an error."""

import pytest
from oci.identity import IdentityClient

from epimetheus.errors import CredentialsError, SourceError
from epimetheus.model import Compartment
from epimetheus.oci_client.clients import ServiceFailure, make_client, sign_in
from epimetheus.source.compartments import discover
from epimetheus.source.identity import compartment_pages, subscribed_regions
from epimetheus.testing.oci import World, backend, mock_oci, serve

NOON = 1_767_268_800.0  # 2026-01-01T12:00:00Z


@pytest.fixture
def world(api_key):
    return World(now=lambda: NOON, api_key=api_key, regions=["us-phoenix-1", "eu-frankfurt-1"])


@pytest.fixture(params=["in process", "http"])
def client(request, world, tmp_path):
    credentials = sign_in("config_file", str(world.credentials(tmp_path)), "DEFAULT")

    def made(url):
        return make_client(IdentityClient, credentials, region=world.region, endpoint=url, seconds=0.5)

    if request.param == "http":
        with serve(world) as served:
            yield made(served.url)
    else:
        with mock_oci(world):
            yield made(None)


@pytest.fixture
def tree(world):
    """root > a > b, root > c > d > e, root > f, which is deleted; by name."""
    tree = {"root": world.tenancy}
    for name, parent in (("a", "root"), ("b", "a"), ("c", "root"), ("d", "c"), ("e", "d"), ("f", "root")):
        tree[name] = world.add_compartment(name, tree[parent], "DELETED" if name == "f" else "ACTIVE")
    return tree


def listing(world, client, hand):
    return discover(compartment_pages(client), world.tenancy, hand.deadline(60))


def test_a_compartment_is_what_identity_says_of_it(world, client, tree, hand):
    found = listing(world, client, hand).compartments
    assert found[tree["b"]] == Compartment(tree["b"], "b", tree["a"], created=int(NOON // 60))
    assert found[tree["f"]] == Compartment(tree["f"], "f", tree["root"], created=int(NOON // 60), deleted=True)
    assert found[tree["root"]] == Compartment(tree["root"], "root")


PASSING = {"empty_page": 3, "reset": 1, "cut": 1, "lost_response": 1}
SHAPES = ["listing_repeats", "listing_reordered", "listing_cycle", "subtree_refused"]


@pytest.mark.parametrize("fault", [*SHAPES, *PASSING, "429", "503"])
def test_the_set_is_whole_whatever_shape_it_comes_in(world, client, tree, hand, fault):
    if fault.isdigit():
        world.faults.add("status", status=int(fault), operation="ListCompartments")
    else:
        world.faults.add(fault, operation="ListCompartments", times=PASSING.get(fault))
    found = listing(world, client, hand)
    assert set(found.compartments) == set(tree.values())
    assert found.refused == ()


def test_a_listing_that_goes_in_a_circle_ends(world, client, tree, hand):
    world.faults.add("repeated_token", operation="ListCompartments", times=None)
    with pytest.raises(SourceError, match="repeats its page token"):
        listing(world, client, hand)
    assert len(world.requests_for("ListCompartments")) == 4


def test_where_only_part_of_the_tree_may_be_seen_it_is_walked_and_said(world, client, tree, hand):
    world.faults.add("subtree_refused", operation="ListCompartments", times=None)
    world.forbid(tree["c"])
    found = listing(world, client, hand)
    assert set(found.compartments) == {tree[name] for name in ("root", "a", "b", "c", "f")}
    assert found.refused == (tree["c"],)


def test_a_tenancy_without_compartments_is_its_root(world, client, hand):
    assert listing(world, client, hand).compartments == {world.tenancy: Compartment(world.tenancy, "root")}


NO_LISTS = [b"", b"null", b"17", b'"text"', b"<html>", b"\xff", b'{"id":"x"}', b"[null]", b"[17]", b'["x"]', b"[{}]"]
NO_OCIDS = [b'[{"id":"","compartmentId":"y"}]', b'[{"id":{}}]', b'[{"id":"x"}]', b'[{"id":"x","compartmentId":null}]']
NO_COMPARTMENTS = [*NO_OCIDS, b'[{"id":"x","timeCreated":5}]']


@pytest.mark.parametrize("body", NO_LISTS + NO_COMPARTMENTS)
def test_an_answer_that_is_no_listing_is_not_taken_for_a_small_tenancy(world, client, tree, hand, monkeypatch, body):
    monkeypatch.setattr(backend, "_GARBAGE", body)
    world.faults.add("garbage", operation="ListCompartments", times=None)
    with pytest.raises(SourceError, match=f"OCI's answer was not understood while listing the compartments of {world.tenancy}") as caught:
        listing(world, client, hand)
    assert "proxy" in caught.value.do


def test_a_name_that_is_missing_is_the_ocid(world, client, hand, monkeypatch):
    monkeypatch.setattr(backend, "_GARBAGE", b'[{"id":"x","compartmentId":"y"}]')
    world.faults.add("garbage", operation="ListCompartments")
    assert listing(world, client, hand).compartments["x"] == Compartment("x", "x", "y")


def test_a_list_of_something_else_is_no_listing(world, client, tree, hand):
    world.faults.add("not_a_list", operation="ListCompartments", times=None)
    with pytest.raises(SourceError, match="was not understood"):
        listing(world, client, hand)


def test_refusals_and_silence_are_told_apart(world, client, hand):
    fault = world.faults.add("status", status=500, operation="ListCompartments", times=None)
    with pytest.raises(ServiceFailure, match="500 InternalServerError") as caught:
        listing(world, client, hand)
    assert "inspect compartments" in caught.value.do
    world.faults.remove(fault)
    world.faults.add("reset", operation="ListCompartments", times=None)
    with pytest.raises(SourceError, match="OCI gave no answer while listing the compartments"):
        listing(world, client, hand)


def test_a_refused_signature_is_ours(world, client, hand):
    world.keys.clear()
    with pytest.raises(CredentialsError):
        listing(world, client, hand)
    with pytest.raises(CredentialsError):
        subscribed_regions(client, world.tenancy)


def test_regions_come_home_first(world, client):
    assert subscribed_regions(client, world.tenancy) == ["us-ashburn-1", "eu-frankfurt-1", "us-phoenix-1"]


def test_a_region_that_is_not_ready_is_not_asked(world, client, monkeypatch):
    body = (
        b'[{"regionName":"a","status":"IN_PROGRESS","isHomeRegion":false},{"regionName":"c","status":"READY","isHomeRegion":false},'
        b'{"regionName":"b","status":"READY","isHomeRegion":true}]'
    )
    monkeypatch.setattr(backend, "_GARBAGE", body)
    world.faults.add("garbage", operation="ListRegionSubscriptions")
    assert subscribed_regions(client, world.tenancy) == ["b", "c"]


@pytest.mark.parametrize("body", [*NO_LISTS, b"{}", b"[]", b'[{"status":"READY"}]', b'[{"regionName":"a","status":"IN_PROGRESS"}]'])
def test_an_answer_without_a_region_is_not_taken_for_nothing_to_do(world, client, monkeypatch, body):
    monkeypatch.setattr(backend, "_GARBAGE", body)
    world.faults.add("garbage", operation="ListRegionSubscriptions", times=None)
    with pytest.raises(SourceError, match="OCI's answer was not understood while listing the regions"):
        subscribed_regions(client, world.tenancy)


def test_regions_that_may_not_be_listed_say_what_is_needed(world, client):
    with pytest.raises(ServiceFailure, match="404 NotAuthorizedOrNotFound") as caught:
        subscribed_regions(client, "ocid1.tenancy.oc1..other")
    assert "inspect tenancies" in caught.value.do
