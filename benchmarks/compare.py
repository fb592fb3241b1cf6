"""``python -m benchmarks.compare BEFORE [AFTER]``: two results side by side; AFTER is build/bench.json."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.figures import FILE, Figure, Results, goal_text, shown


def compared(before: Results, after: Results) -> list[str]:
    """A line for each figure that either has; of those that both have, by how much it changed."""
    old, new = ({one.what: one for one in results.figures} for results in (before, after))
    rows = [("what", "goal", "before", "after", "change")]
    rows += [_row(old.get(what), new.get(what)) for what in dict.fromkeys([*old, *new])]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [f"before: {before.made}   after: {after.made}", *_differences(before.machine, after.machine), "", *lines]


def _row(old: Figure | None, new: Figure | None) -> tuple[str, str, str, str, str]:
    known = new or old
    if known is None:
        raise ValueError("a row that neither has")
    values = [shown(one.value, one.unit) if one else "-" for one in (old, new)]
    return known.what, goal_text(known), values[0], values[1], _change(old, new) if old and new else ""


def _change(old: Figure, new: Figure) -> str:
    """In per cent; of what is per cent itself, in points."""
    if new.unit == "%":
        return f"{new.value - old.value:+.1f} points"
    return f"{(new.value / old.value - 1) * 100:+.1f} %" if old.value else ""


def _differences(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """In words, where it was another machine."""
    names = [name for name in ("cpu", "cores", "python", "openssl") if before.get(name) != after.get(name)]
    return [f"Not the same {name}: {before.get(name)} before, {after.get(name)} after." for name in names]


def main(arguments: Sequence[str]) -> int:
    """Print; 2 without a file to compare with."""
    if not arguments or not Path(arguments[0]).is_file():
        sys.stderr.write("make bench-compare BEFORE=FILE: FILE is an earlier build/bench.json that was put aside.\n")
        return 2
    before, after = Results.read(Path(arguments[0])), Results.read(Path(arguments[1]) if len(arguments) > 1 else FILE)
    sys.stdout.write("\n".join([*compared(before, after), ""]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
