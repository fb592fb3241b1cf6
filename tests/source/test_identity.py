"""The Identity client against the OCI stand-in, in process and over HTTP: a listing is complete, or it is an error."""

import pytest

from epimetheus.errors import CredentialsError, SourceError
from epimetheus.model import Compartment
from epimetheus.oci_client.clients import ServiceFailure, make_client, sign_in
from epimetheus.source.compartments import discover
from epimetheus.source.identity import IdentityClient, compartment_pages, subscribed_regions
from epimetheus.testing.oci import World, backend, mock_oci, serve

NOON = 1_767_268_800.0  # 2026-01-01T12:00:00Z


@pytest.fixture
def world(api_key):
    return World(now=lambda: NOON, api_key=api_key, regions=["us-phoenix-1", "eu-frankfurt-1"])


@pytest.fixture(params=["in process", "http"])
def client(request, world, tmp_path):
    credentials = sign_in("config_file", str(world.credentials(tmp_path)), "DEFAULT")

    def identity(url):
        return make_client(IdentityClient, credentials, region=world.region, endpoint=url, seconds=0.5)

    if request.param == "http":
        with serve(world) as served:
            yield identity(served.url)
    else:
        with mock_oci(world):
            yield identity(None)


@pytest.fixture
def tree(world):
    """root > a > b, root > c > d > e, root > f (deleted); name → OCID."""
    tree = {"root": world.tenancy}
    for name, parent in (("a", "root"), ("b", "a"), ("c", "root"), ("d", "c"), ("e", "d"), ("f", "root")):
        tree[name] = world.add_compartment(name, tree[parent], "DELETED" if name == "f" else "ACTIVE")
    return tree


def listing(world, client, hand):
    return discover(compartment_pages(client), world.tenancy, hand.deadline(60))


def test_compartments_have_the_fields_of_identity(world, client, tree, hand):
    found = listing(world, client, hand).compartments
    assert found[tree["b"]] == Compartment(tree["b"], "b", tree["a"], created=int(NOON // 60))
    assert found[tree["f"]] == Compartment(tree["f"], "f", tree["root"], created=int(NOON // 60), deleted=True)
    assert found[tree["root"]] == Compartment(tree["root"], "root")


PASSING = {"empty_page": 3, "reset": 1, "cut": 1, "lost_response": 1}
SHAPES = ["listing_repeats", "listing_reordered", "listing_cycle", "subtree_refused"]


@pytest.mark.parametrize("fault", [*SHAPES, *PASSING, "429", "503"])
def test_a_listing_is_complete_in_any_order_and_after_transient_errors(world, client, tree, hand, fault):
    if fault.isdigit():
        world.faults.add("status", status=int(fault), operation="ListCompartments")
    else:
        world.faults.add(fault, operation="ListCompartments", times=PASSING.get(fault))
    found = listing(world, client, hand)
    assert set(found.compartments) == set(tree.values())
    assert found.refused == ()


def test_a_page_token_that_repeats_ends_the_listing(world, client, tree, hand):
    world.faults.add("repeated_token", operation="ListCompartments", times=None)
    with pytest.raises(SourceError, match="OCI keeps returning the same page token"):
        listing(world, client, hand)
    assert len(world.requests_for("ListCompartments")) == 4


def test_a_partly_forbidden_tree_is_walked_and_reported(world, client, tree, hand):
    world.faults.add("subtree_refused", operation="ListCompartments", times=None)
    world.forbid(tree["c"])
    found = listing(world, client, hand)
    assert set(found.compartments) == {tree[name] for name in ("root", "a", "b", "c", "f")}
    assert found.refused == (tree["c"],)


def test_a_tenancy_without_compartments_has_its_root(world, client, hand):
    assert listing(world, client, hand).compartments == {world.tenancy: Compartment(world.tenancy, "root")}


NOT_LISTS = [b"", b"null", b"17", b'"text"', b"<html>", b"\xff", b'{"id":"x"}', b"[null]", b"[17]", b'["x"]', b"[{}]"]
NOT_OCIDS = [b'[{"id":"","compartmentId":"y"}]', b'[{"id":{}}]', b'[{"id":"x"}]', b'[{"id":"x","compartmentId":null}]']
NOT_COMPARTMENTS = [*NOT_OCIDS, b'[{"id":"x","timeCreated":5}]']


@pytest.mark.parametrize("body", NOT_LISTS + NOT_COMPARTMENTS)
def test_an_invalid_response_is_not_an_empty_listing(world, client, tree, hand, monkeypatch, body):
    monkeypatch.setattr(backend, "_GARBAGE", body)
    world.faults.add("garbage", operation="ListCompartments", times=None)
    with pytest.raises(SourceError) as caught:
        listing(world, client, hand)
    assert caught.value.what.startswith(f"Listing the compartments of {world.tenancy} failed: OCI returned an unexpected response (")
    assert "proxy" in caught.value.do


def test_a_missing_name_is_replaced_by_the_ocid(world, client, hand, monkeypatch):
    monkeypatch.setattr(backend, "_GARBAGE", b'[{"id":"x","compartmentId":"y"}]')
    world.faults.add("garbage", operation="ListCompartments")
    assert listing(world, client, hand).compartments["x"] == Compartment("x", "x", "y")


def test_a_list_of_other_objects_is_an_error(world, client, tree, hand):
    world.faults.add("not_a_list", operation="ListCompartments", times=None)
    with pytest.raises(SourceError, match="failed: OCI returned an unexpected response"):
        listing(world, client, hand)


def test_error_responses_and_missing_responses_are_distinguished(world, client, hand):
    fault = world.faults.add("status", status=500, operation="ListCompartments", times=None)
    with pytest.raises(ServiceFailure, match="500 InternalServerError") as caught:
        listing(world, client, hand)
    assert "Allow" not in caught.value.do
    world.faults.remove(fault)
    world.faults.add("reset", operation="ListCompartments", times=None)
    with pytest.raises(SourceError, match=r"Listing the compartments of .* failed: .* closed the connection\."):
        listing(world, client, hand)


def test_a_rejected_signature_is_a_credentials_error(world, client, hand):
    world.keys.clear()
    with pytest.raises(CredentialsError):
        listing(world, client, hand)
    with pytest.raises(CredentialsError):
        subscribed_regions(client, world.tenancy)


def test_the_home_region_is_first(world, client):
    assert subscribed_regions(client, world.tenancy) == ["us-ashburn-1", "eu-frankfurt-1", "us-phoenix-1"]


def test_a_region_that_is_not_ready_is_omitted(world, client, monkeypatch):
    body = (
        b'[{"regionName":"a","status":"IN_PROGRESS","isHomeRegion":false},{"regionName":"c","status":"READY","isHomeRegion":false},'
        b'{"regionName":"b","status":"READY","isHomeRegion":true}]'
    )
    monkeypatch.setattr(backend, "_GARBAGE", body)
    world.faults.add("garbage", operation="ListRegionSubscriptions")
    assert subscribed_regions(client, world.tenancy) == ["b", "c"]


@pytest.mark.parametrize("body", [*NOT_LISTS, b"{}", b"[]", b'[{"status":"READY"}]', b'[{"regionName":"a","status":"IN_PROGRESS"}]'])
def test_a_response_without_a_region_is_an_error(world, client, monkeypatch, body):
    monkeypatch.setattr(backend, "_GARBAGE", body)
    world.faults.add("garbage", operation="ListRegionSubscriptions", times=None)
    with pytest.raises(SourceError, match=r"Listing the regions of .* failed: OCI returned an unexpected response"):
        subscribed_regions(client, world.tenancy)


def test_forbidden_regions_name_the_missing_policy(world, client):
    with pytest.raises(ServiceFailure, match="404 NotAuthorizedOrNotFound") as caught:
        subscribed_regions(client, "ocid1.tenancy.oc1..other")
    assert "inspect tenancies" in caught.value.do
