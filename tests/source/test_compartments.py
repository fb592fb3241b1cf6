"""Discovery and selection of compartments, whatever the order and shape of the listing."""

import tracemalloc

import pytest

from epimetheus.errors import OutOfTime, SourceError
from epimetheus.model import Compartment
from epimetheus.oci_client.clients import ServiceFailure
from epimetheus.source.compartments import Listing, choose, discover, paths, pin

ROOT = "ocid1.tenancy.oc1..root"


def tree(*edges: str) -> dict[str, Compartment]:
    return {child: Compartment(child, child, parent) for parent, child in (edge.split(">") for edge in edges)}


class Identity:
    """A fake of ListCompartments over a tree, in pages of two, that can reject the subtree listing or single parents."""

    def __init__(self, compartments, *, subtree=True, refused=(), status=404, loop=False):
        self.compartments, self.subtree, self.refused, self.status, self.loop = compartments, subtree, refused, status, loop
        self.calls = []

    def __call__(self, parent, subtree, page):
        self.calls.append((parent, subtree, page))
        if (subtree and not self.subtree) or (not subtree and parent in self.refused):
            raise ServiceFailure("Listing failed: OCI returned 404.", do="", status=self.status, code="NotAuthorizedOrNotFound")
        found = [c for c in self.compartments.values() if subtree or c.parent == parent]
        at = int(page or 0)
        more = str(at + 2) if at + 2 < len(found) else None
        return found[at : at + 2], "0" if self.loop else more


def test_one_listing_returns_the_whole_tree_and_the_root(hand):
    identity = Identity(tree(f"{ROOT}>a", "a>b", "b>c"))
    assert set(discover(identity, ROOT, hand.deadline(9)).compartments) == {ROOT, "a", "b", "c"}
    assert [call[1:] for call in identity.calls] == [(True, None), (True, "2")]


def test_a_rejected_subtree_listing_falls_back_to_a_walk(hand):
    identity = Identity(tree(f"{ROOT}>a", f"{ROOT}>b", f"{ROOT}>c", "a>d"), subtree=False, refused=["b"])
    listing = discover(identity, ROOT, hand.deadline(9))
    assert set(listing.compartments) == {ROOT, "a", "b", "c", "d"}
    assert listing.refused == ("b",)


def test_a_walk_ends_at_a_cycle(hand):
    cyclic = {"a2": Compartment("a", "a", "c"), "r": Compartment(ROOT, "root", "b")}
    identity = Identity({**tree(f"{ROOT}>a", "a>b", "b>c"), **cyclic}, subtree=False)
    assert set(discover(identity, ROOT, hand.deadline(9)).compartments) == {ROOT, "a", "b", "c"}
    assert len(identity.calls) < 9


@pytest.mark.parametrize("status", [400, 500])
def test_other_errors_do_not_fall_back_to_a_walk(hand, status):
    with pytest.raises(ServiceFailure):
        discover(Identity(tree(f"{ROOT}>a"), subtree=False, status=status), ROOT, hand.deadline(9))
    with pytest.raises(ServiceFailure):
        discover(Identity(tree(f"{ROOT}>a"), subtree=False, refused=[ROOT]), ROOT, hand.deadline(9))


def test_an_error_of_a_child_fails_the_walk(hand):
    class Broken(Identity):
        def __call__(self, parent, subtree, page):
            self.status = 500 if parent == "a" else 404
            return super().__call__(parent, subtree, page)

    with pytest.raises(ServiceFailure):
        discover(Broken(tree(f"{ROOT}>a"), subtree=False, refused=["a"]), ROOT, hand.deadline(9))


def test_a_listing_without_end_is_an_error(hand):
    identity = Identity(tree(f"{ROOT}>a"), loop=True)
    with pytest.raises(SourceError, match="OCI keeps returning the same page token"):
        discover(identity, ROOT, hand.deadline(9))
    assert len(identity.calls) == 4


@pytest.mark.parametrize("subtree", [True, False])
def test_a_page_token_may_repeat_while_a_page_is_not_ready(hand, subtree):
    class Delayed(Identity):
        def __call__(self, parent, subtree, page):
            found, token = super().__call__(parent, subtree, page)
            return ([], page) if page and self.calls.count((parent, subtree, page)) < 3 else (found, token)

    identity = Delayed(tree(*(f"{ROOT}>c{number}" for number in range(5))), subtree=subtree)
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
def test_modes_select_with_descendants(mode, ids, expected):
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
def test_modes_select_in_a_tree_with_cycles(mode, ids, expected):
    cyclic = {ROOT: Compartment(ROOT, "root"), **tree("a>b", "b>a", "b>c", "s>s", "s>t")}
    assert choose(cyclic, mode, ids, ROOT) == expected


def test_a_pinned_compartment_is_included_even_if_it_is_not_listed():
    listing = pin(Listing(tree("r>a")), ["a", "z"])
    assert listing.compartments["z"] == Compartment("z", "z")
    assert listing.compartments["a"].parent == "r"


def test_a_path_starts_at_the_root_or_where_the_known_tree_does():
    above = {"root": None, "prod": "root", "app": "prod", "orphan": "unlisted", "x": "y", "y": "x"}
    assert paths({name: Compartment(name, name, parent) for name, parent in above.items()}) == {
        "root": "root", "prod": "root/prod", "app": "root/prod/app", "orphan": "orphan", "x": "y/x", "y": "x/y",
    }  # fmt: skip


def test_a_deep_tree_takes_linear_memory_and_time():
    """OCI allows six levels; a listing that claims more must not cost the square of it (2,000 levels took 202 MB)."""
    deep = tree(f"{ROOT}>c0", *(f"c{number}>c{number + 1}" for number in range(20_000)))
    tracemalloc.start()
    found = paths({ROOT: Compartment(ROOT, "root"), **deep})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 << 20
    assert (found["c2"], found["c14"]) == ("root/c0/c1/c2", "/".join(["root", *(f"c{number}" for number in range(15))]))
    assert found["c20000"] == "/".join(["…", *(f"c{number}" for number in range(19_985, 20_001))])
    assert len(choose(deep, "include", ["c10"], ROOT)) == 19_991
    assert choose(deep, "exclude", ["c10"], ROOT) == {f"c{number}" for number in range(10)}
