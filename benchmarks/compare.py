"""``python -m benchmarks.compare BEFORE [AFTER]``: compares two result files. The default of AFTER is build/bench.json."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.figures import FILE, Figure, Results, goal_text, shown


def compared(before: Results, after: Results) -> list[str]:
    """Returns a line for each figure in either file, with the change of figures in both."""
    old, new = ({one.what: one for one in results.figures} for results in (before, after))
    rows = [("what", "goal", "before", "after", "change")]
    rows += [_row(old.get(what), new.get(what)) for what in dict.fromkeys([*old, *new])]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [f"before: {before.made}   after: {after.made}", *_differences(before.machine, after.machine), "", *lines]


def _row(old: Figure | None, new: Figure | None) -> tuple[str, str, str, str, str]:
    figure = new or old
    if figure is None:
        raise ValueError("A row must have an old or a new figure.")
    values = [shown(one.value, one.unit) if one else "-" for one in (old, new)]
    return figure.what, goal_text(figure), values[0], values[1], _change(old, new) if old and new else ""


def _change(old: Figure, new: Figure) -> str:
    """Returns the change in percent, or in percentage points for a figure in percent."""
    if new.unit == "%":
        return f"{new.value - old.value:+.1f} points"
    return f"{(new.value / old.value - 1) * 100:+.1f} %" if old.value else ""


def _differences(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """Returns the differences between the machines."""
    names = [name for name in ("cpu", "cores", "python", "openssl") if before.get(name) != after.get(name)]
    return [f"Different {name}: {before.get(name)} before, {after.get(name)} after." for name in names]


def main(arguments: Sequence[str]) -> int:
    """Prints the comparison. Returns 2 if the file does not exist."""
    if not arguments or not Path(arguments[0]).is_file():
        sys.stderr.write("The file to compare with is missing. Run `make bench-compare BEFORE=FILE` with an earlier build/bench.json.\n")
        return 2
    before, after = Results.read(Path(arguments[0])), Results.read(Path(arguments[1]) if len(arguments) > 1 else FILE)
    sys.stdout.write("\n".join([*compared(before, after), ""]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
