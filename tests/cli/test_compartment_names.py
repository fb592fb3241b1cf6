"""``--compartment``: names, paths and OCIDs."""

import pytest

from epimetheus.cli.compartment_names import needs_listing, resolve_compartments
from epimetheus.errors import ConfigError
from epimetheus.model import Compartment

LIST_THEM = "list them with: oci iam compartment list --compartment-id-in-subtree true --all --query 'data[].name'"
TENANCY = "ocid1.tenancy.oc1..t"
LISTED = {
    one.ocid: one
    for one in (
        Compartment(TENANCY, "root"),
        Compartment("c.prod", "prod", TENANCY),
        Compartment("c.dev", "dev", TENANCY),
        Compartment("c.prod.app", "app", "c.prod"),
        Compartment("c.dev.app", "app", "c.dev"),
        Compartment("c.dev.old", "prod", "c.dev", deleted=True),
        Compartment("c.data", "data", "c.prod.app"),
    )
}


@pytest.mark.parametrize(
    ("names", "ocids"),
    [
        (["data"], ("c.data",)),
        (["app/data", "/root/prod/app/data/"], ("c.data",)),
        (["prod/app", "dev/app"], ("c.prod.app", "c.dev.app")),
        (["root"], (TENANCY,)),
        (["root/prod"], ("c.prod",)),
        (["ocid1.compartment.oc1..unlisted", "dev"], ("ocid1.compartment.oc1..unlisted", "c.dev")),
        ([], ()),
    ],
)
def test_names_and_paths_select_one_compartment_each(names, ocids):
    assert resolve_compartments(names, LISTED) == ocids


def test_every_name_without_exactly_one_compartment_is_reported():
    with pytest.raises(ConfigError) as caught:
        resolve_compartments(["app", "prdo", "data", "zzz", "prod", ""], LISTED)
    assert caught.value.problems == (
        "--compartment app is ambiguous: root/dev/app (c.dev.app), root/prod/app (c.prod.app); use a longer path or an OCID",
        "--compartment prdo: none of 7 compartments has this name or path. Did you mean root/prod, or root?",
        f"--compartment zzz: none of 7 compartments has this name or path; {LIST_THEM}",
        "--compartment prod is ambiguous: root/dev/prod (deleted, c.dev.old), root/prod (c.prod); use a longer path or an OCID",
        f"--compartment : none of 7 compartments has this name or path; {LIST_THEM}",
    )


def test_many_candidates_are_counted():
    many = {TENANCY: Compartment(TENANCY, "root")}
    for number in range(8):
        many[f"p{number}"] = Compartment(f"p{number}", f"p{number}", TENANCY)
        many[f"x{number}"] = Compartment(f"x{number}", "x", f"p{number}")
    with pytest.raises(ConfigError, match=r"root/p4/x \(x4\), and 3 more; use a longer path"):
        resolve_compartments(["x"], many)


def test_ocids_alone_need_no_listing():
    assert (needs_listing(["ocid1.compartment.oc1..a"]), needs_listing([]), needs_listing(["ocid1.x", "app"])) == (False, False, True)


def test_names_are_suggested_for_the_first_misspelled_ones_only():
    many = {TENANCY: Compartment(TENANCY, "root")} | {f"c{n}": Compartment(f"c{n}", f"team{n:05}", TENANCY) for n in range(600)}
    with pytest.raises(ConfigError) as caught:
        resolve_compartments([*["teem00001"] * 6, "team" * 101], many)
    assert [". Did you mean root/team" in problem for problem in caught.value.problems] == [True] * 5 + [False] * 2
