"""``--compartment``: OCIDs, names, and paths such as ``prod/app`` of compartments."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from epimetheus.errors import ConfigError
from epimetheus.model import Compartment, count_text
from epimetheus.source.compartments import paths

_OCID_START = "ocid1."
_MOST_NAMED = 5
_MOST_COMPARED = 500  # difflib takes about a millisecond for a name
_LONGEST_COMPARED = 400  # characters
_SIMILAR = 0.5  # of difflib
_LISTING = "oci iam compartment list --compartment-id-in-subtree true --all --query 'data[].name'"


def needs_listing(names: Sequence[str]) -> bool:
    """Whether one of ``names`` is not an OCID, so that the compartments must be listed."""
    return not all(name.startswith(_OCID_START) for name in names)


def resolve_compartments(names: Sequence[str], compartments: Mapping[str, Compartment]) -> tuple[str, ...]:
    """The OCIDs of ``names``. A path starts at the root or at any compartment above: ``root/prod/app``, ``prod/app`` and ``app``.

    Raises ConfigError with a problem for each name that no compartment or more than one has.
    """
    known, found, problems = paths(compartments), [], []
    for name in names:
        matching = [name] if name.startswith(_OCID_START) else _matching(name.strip("/"), known)
        if len(matching) == 1:
            found += matching
        elif matching:
            problems.append(_ambiguous(name, [_described(ocid, known, compartments) for ocid in matching]))
        else:
            problems.append(_unknown(name, known, suggest=len(problems) < _MOST_NAMED))
    if problems:
        raise ConfigError(problems, do="Correct the command and run it again.")
    return tuple(dict.fromkeys(found))


def _matching(name: str, known: Mapping[str, str]) -> list[str]:
    """The OCIDs with the path ``name``, or else those whose path ends with it."""
    exact = [ocid for ocid, path in known.items() if path == name]
    return exact or sorted((ocid for ocid, path in known.items() if path.endswith(f"/{name}")), key=lambda ocid: known[ocid])


def _described(ocid: str, known: Mapping[str, str], compartments: Mapping[str, Compartment]) -> str:
    return f"{known[ocid]} ({'deleted, ' if compartments[ocid].deleted else ''}{ocid})"


def _ambiguous(name: str, candidates: Sequence[str]) -> str:
    more = [f"and {len(candidates) - _MOST_NAMED} more"] if len(candidates) > _MOST_NAMED else []
    listed = ", ".join([*candidates[:_MOST_NAMED], *more])
    return f"--compartment {name} is ambiguous: {listed}; use a longer path or an OCID"


def _unknown(name: str, known: Mapping[str, str], *, suggest: bool) -> str:
    """The problem of a name that no compartment has; with ``suggest``, the paths of the closest ones, of equal names the shortest.

    Only names of a similar length are compared.
    """
    problem = f"--compartment {name}: none of {count_text(len(known), 'compartment')} has this name or path"
    if not suggest or len(name) > _LONGEST_COMPARED:
        return problem
    longest_first = sorted(known.values(), key=len, reverse=True)
    by_name = {path.rpartition("/")[2]: path for path in longest_first} | {path: path for path in longest_first}
    nearest = sorted(by_name, key=lambda one: abs(len(one) - len(name)))[:_MOST_COMPARED]
    close = [*dict.fromkeys(by_name[one] for one in get_close_matches(name, nearest, n=_MOST_NAMED, cutoff=_SIMILAR))]
    return problem + (f". Did you mean {', or '.join(close)}?" if close else f"; list them with: {_LISTING}")
