"""The set of compartments: whole, each once, whatever shape the listing has."""

import pytest

from epimetheus.errors import OutOfTime, SourceError
from epimetheus.model import Compartment
from epimetheus.oci_client.clients import ServiceFailure
from epimetheus.source.compartments import Listing, choose, discover, paths, pin

ROOT = "ocid1.tenancy.oc1..root"


def tree(*edges: str) -> dict[str, Compartment]:
    return {child: Compartment(child, child, parent) for parent, child in (edge.split(">") for edge in edges)}


class Identity:
    """ListCompartments over a tree, in pages of two; told what to refuse."""

    def __init__(self, compartments, *, subtree=True, refused=(), status=404, loop=False):
        self.compartments, self.subtree, self.refused, self.status, self.loop = compartments, subtree, refused, status, loop
        self.polled = []

    def __call__(self, parent, subtree, page):
        self.polled.append((parent, subtree, page))
        if (subtree and not self.subtree) or (not subtree and parent in self.refused):
            raise ServiceFailure("OCI refused.", do="", status=self.status, code="NotAuthorizedOrNotFound")
        found = [c for c in self.compartments.values() if subtree or c.parent == parent]
        at = int(page or 0)
        more = str(at + 2) if at + 2 < len(found) else None
        return found[at : at + 2], "0" if self.loop else more


def test_the_whole_tree_comes_in_one_listing_with_the_root(hand):
    identity = Identity(tree(f"{ROOT}>a", "a>b", "b>c"))
    assert set(discover(identity, ROOT, hand.deadline(9)).compartments) == {ROOT, "a", "b", "c"}
    assert [asked[1:] for asked in identity.polled] == [(True, None), (True, "2")]


def test_where_the_subtree_is_refused_the_tree_is_walked(hand):
    identity = Identity(tree(f"{ROOT}>a", f"{ROOT}>b", f"{ROOT}>c", "a>d"), subtree=False, refused=["b"])
    listing = discover(identity, ROOT, hand.deadline(9))
    assert set(listing.compartments) == {ROOT, "a", "b", "c", "d"}
    assert listing.refused == ("b",)


def test_a_walk_ends_where_the_tree_bites_its_tail(hand):
    bitten = {"a2": Compartment("a", "a", "c"), "r": Compartment(ROOT, "root", "b")}
    identity = Identity({**tree(f"{ROOT}>a", "a>b", "b>c"), **bitten}, subtree=False)
    assert set(discover(identity, ROOT, hand.deadline(9)).compartments) == {ROOT, "a", "b", "c"}
    assert len(identity.polled) < 9


@pytest.mark.parametrize("status", [400, 500])
def test_other_failures_are_not_taken_for_a_refusal(hand, status):
    with pytest.raises(ServiceFailure):
        discover(Identity(tree(f"{ROOT}>a"), subtree=False, status=status), ROOT, hand.deadline(9))
    with pytest.raises(ServiceFailure):
        discover(Identity(tree(f"{ROOT}>a"), subtree=False, refused=[ROOT]), ROOT, hand.deadline(9))


def test_a_child_that_fails_otherwise_fails_the_walk(hand):
    class Broken(Identity):
        def __call__(self, parent, subtree, page):
            self.status = 500 if parent == "a" else 404
            return super().__call__(parent, subtree, page)

    with pytest.raises(ServiceFailure):
        discover(Broken(tree(f"{ROOT}>a"), subtree=False, refused=["a"]), ROOT, hand.deadline(9))


def test_a_listing_that_never_ends_is_an_error(hand):
    identity = Identity(tree(f"{ROOT}>a"), loop=True)
    with pytest.raises(SourceError, match="repeats its page token"):
        discover(identity, ROOT, hand.deadline(9))
    assert len(identity.polled) == 4


@pytest.mark.parametrize("subtree", [True, False])
def test_a_token_may_come_again_for_a_moment(hand, subtree):
    class Hesitant(Identity):
        def __call__(self, parent, subtree, page):
            found, token = super().__call__(parent, subtree, page)
            return ([], page) if page and self.polled.count((parent, subtree, page)) < 3 else (found, token)

    identity = Hesitant(tree(*(f"{ROOT}>c{number}" for number in range(5))), subtree=subtree)
    assert len(discover(identity, ROOT, hand.deadline(9)).compartments) == 6


def test_a_listing_has_a_deadline(hand):
    with pytest.raises(OutOfTime):
        discover(Identity(tree(f"{ROOT}>a")), ROOT, hand.deadline(0))


@pytest.mark.parametrize(
    ("mode", "ids", "expected"),
    [
        ("all", [], {ROOT, "a", "b", "c", "d"}),
        ("tenancy_only", [], {ROOT}),
        ("include", ["a"], {"a", "b", "c"}),
        ("exclude", ["a"], {ROOT, "d"}),
        ("exclude", [ROOT], set()),
        ("include", ["c", "d"], {"c", "d"}),
    ],
)
def test_modes_choose_with_descendants(mode, ids, expected):
    compartments = {ROOT: Compartment(ROOT, "root"), **tree(f"{ROOT}>a", "a>b", "b>c", f"{ROOT}>d")}
    assert choose(compartments, mode, ids, ROOT) == expected


@pytest.mark.parametrize(
    ("mode", "ids", "expected"),
    [
        ("all", ["a"], {ROOT, "a", "b", "c", "s", "t"}),
        ("tenancy_only", ["a"], {ROOT}),
        ("include", ["x"], set()),
        ("include", ["b"], {"a", "b", "c"}),
        ("include", ["c"], {"c"}),
        ("include", ["s"], {"s", "t"}),
        ("exclude", ["x"], {ROOT, "a", "b", "c", "s", "t"}),
        ("exclude", ["a"], {ROOT, "s", "t"}),
        ("exclude", [ROOT], set()),
        ("include", [ROOT], {ROOT, "a", "b", "c", "s", "t"}),
        ("exclude", ["t"], {ROOT, "a", "b", "c", "s"}),
    ],
)
def test_modes_choose_where_a_tree_bites_its_tail(mode, ids, expected):
    bitten = {ROOT: Compartment(ROOT, "root"), **tree("a>b", "b>a", "b>c", "s>s", "s>t")}
    assert choose(bitten, mode, ids, ROOT) == expected


def test_a_pinned_compartment_is_there_even_if_it_is_not_listed():
    listing = pin(Listing(tree("r>a")), ["a", "z"])
    assert listing.compartments["z"] == Compartment("z", "z")
    assert listing.compartments["a"].parent == "r"


def test_a_path_leads_from_the_root_to_a_compartment_and_ends_where_the_tree_does():
    above = {"root": None, "prod": "root", "app": "prod", "orphan": "unlisted", "x": "y", "y": "x"}
    assert paths({name: Compartment(name, name, parent) for name, parent in above.items()}) == {
        "root": "root", "prod": "root/prod", "app": "root/prod/app", "orphan": "orphan", "x": "y/x", "y": "x/y",
    }  # fmt: skip
