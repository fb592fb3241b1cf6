import oci
import pytest


@pytest.fixture
def tree(world):
    a = world.add_compartment("a")
    b = world.add_compartment("b", a)
    c = world.add_compartment("c", b)
    return a, b, c


@pytest.fixture
def identity(endpoint):
    return endpoint.client(oci.identity.IdentityClient)


def listed(identity, compartment, **arguments):
    pages, page = [], None
    while True:
        response = identity.list_compartments(compartment, page=page, **arguments)
        pages.append([one.name for one in response.data])
        page = response.headers.get("opc-next-page")
        if page is None:
            return pages


def test_the_subtree_is_paged_and_excludes_the_root(identity, world, tree):
    assert listed(identity, world.tenancy, compartment_id_in_subtree=True, access_level="ANY") == [["a", "b"], ["c"]]


def test_without_the_subtree_only_children_are_listed(identity, world, tree):
    assert listed(identity, world.tenancy) == [["a"]]
    assert listed(identity, tree[1]) == [["c"]]


def test_a_limit_reduces_the_page_size(identity, world, tree):
    assert listed(identity, world.tenancy, compartment_id_in_subtree=True, limit=1) == [["a"], ["b"], ["c"]]
    assert listed(identity, world.tenancy, compartment_id_in_subtree=True, limit=1000) == [["a", "b"], ["c"]]


def test_the_subtree_is_available_for_the_root_only(identity, tree):
    with pytest.raises(oci.exceptions.ServiceError) as error:
        identity.list_compartments(tree[0], compartment_id_in_subtree=True)
    assert (error.value.status, error.value.code) == (400, "InvalidParameter")


def test_the_sdk_parses_a_compartment(identity, world, tree):
    found = identity.get_compartment(tree[1]).data
    assert (found.id, found.compartment_id, found.name, found.lifecycle_state) == (tree[1], tree[0], "b", "ACTIVE")
    assert found.time_created.isoformat() == "2026-01-01T12:00:00+00:00"
    assert (found.freeform_tags, found.defined_tags) == ({}, {})


def test_compartments_can_be_moved_renamed_deleted_and_vanish(identity, world, tree):
    a, b, c = tree
    world.move(c, None)
    world.rename(c, "see")
    world.delete(a)
    world.vanish(b)
    assert listed(identity, world.tenancy) == [["a", "see"]]
    assert listed(identity, world.tenancy, lifecycle_state="DELETED") == [["a"]]
    assert listed(identity, world.tenancy, compartment_id_in_subtree=True) == [["a", "see"]]


def test_a_forbidden_compartment_is_listed_unless_the_request_is_for_accessible_ones(identity, world, tree):
    world.forbid(tree[0])
    assert listed(identity, world.tenancy, access_level="ANY") == [["a"]]
    assert listed(identity, world.tenancy, access_level="ACCESSIBLE") == [[]]
    with pytest.raises(oci.exceptions.ServiceError) as error:
        identity.get_compartment(tree[0])
    assert (error.value.status, error.value.code) == (404, "NotAuthorizedOrNotFound")
    world.allow(tree[0])
    assert identity.get_compartment(tree[0]).data.name == "a"


def test_the_tenancy_and_its_regions(identity, world):
    world.regions.append("eu-frankfurt-1")
    assert identity.get_tenancy(world.tenancy).data.home_region_key == "IAD"
    regions = identity.list_region_subscriptions(world.tenancy).data
    assert [(one.region_key, one.region_name, one.status, one.is_home_region) for one in regions] == [
        ("IAD", "us-ashburn-1", "READY", True),
        ("FRA", "eu-frankfurt-1", "READY", False),
    ]


def test_another_tenancy_is_not_found(identity):
    with pytest.raises(oci.exceptions.ServiceError) as error:
        identity.get_tenancy("ocid1.tenancy.oc1..other")
    assert error.value.status == 404


def test_a_page_token_of_another_listing_is_rejected(identity, world, tree):
    token = identity.list_compartments(world.tenancy, compartment_id_in_subtree=True).headers["opc-next-page"]
    for page in (token, "made up", "bWFkZSB1cCwgYnV0IGxvbmcgZW5vdWdo"):
        with pytest.raises(oci.exceptions.ServiceError) as error:
            identity.list_compartments(world.tenancy, page=page)
        assert (error.value.status, error.value.code) == (400, "InvalidParameter")


def test_a_listing_with_a_repeated_compartment(identity, world, tree):
    world.faults.add("listing_repeats", times=None)
    assert listed(identity, world.tenancy, compartment_id_in_subtree=True) == [["a", "b"], ["c", "a"]]


def test_a_listing_in_reverse_order(identity, world, tree):
    world.faults.add("listing_reordered", times=None)
    assert listed(identity, world.tenancy, compartment_id_in_subtree=True) == [["c", "b"], ["a"]]


def test_a_cycle_in_the_subtree(identity, world, tree):
    a, b, c = tree
    world.page_size = 10
    world.faults.add("listing_cycle")
    found = identity.list_compartments(world.tenancy, compartment_id_in_subtree=True).data
    assert [(one.id, one.compartment_id) for one in found] == [(a, b), (b, c), (c, b)]


def test_a_cycle_in_a_walk(identity, world, tree):
    a, b, c = tree
    world.faults.add("listing_cycle", compartment=b)
    found = identity.list_compartments(b).data
    assert [(one.id, one.compartment_id) for one in found] == [(c, b), (a, b)]


def test_only_the_subtree_listing_is_rejected(identity, world, tree):
    world.faults.add("subtree_refused", times=None)
    with pytest.raises(oci.exceptions.ServiceError) as error:
        identity.list_compartments(world.tenancy, compartment_id_in_subtree=True)
    assert (error.value.status, error.value.code) == (404, "NotAuthorizedOrNotFound")
    assert listed(identity, world.tenancy) == [["a"]]
