"""The style sheet of the HTML page of runs. Every color has one meaning, in light and dark."""

from collections.abc import Mapping

REGION_COLORS = 6

LIGHT = {
    "ground": "#f5f6f8", "paper": "#ffffff", "warning": "#fff4d6", "line": "#dfe3e9", "ink": "#1c2430", "soft": "#596474",
    "ok": "#17804a", "skipped": "#6e6e7a", "partial": "#96650a", "failed": "#c62828", "filtered": "#006f7d",
    "c0": "#2f6fd0", "c1": "#a3399d", "c2": "#5b35b5", "c3": "#7a4a35", "c4": "#12307a", "c5": "#3c3c44",
}  # fmt: skip
"""Color names and values: backgrounds (``ground`` to ``warning``), lines, text (``ink``, ``soft``), statuses, and regions (``c0`` …)."""

DARK = {
    "ground": "#12161c", "paper": "#1a2029", "warning": "#3a3013", "line": "#2c3542", "ink": "#e4e8ee", "soft": "#98a4b5",
    "ok": "#3fb778", "skipped": "#8e939c", "partial": "#e3b341", "failed": "#f4736d", "filtered": "#45c8d0",
    "c0": "#6aa5ff", "c1": "#e58be0", "c2": "#9a70ff", "c3": "#c79a80", "c4": "#b9d8ff", "c5": "#f2e6d8",
}  # fmt: skip
"""As `LIGHT`."""


def style(headings: tuple[str, ...]) -> str:
    """The whole style sheet. On narrow screens a row of the table becomes a card, which repeats the ``headings`` that are not empty."""
    names = [f"td:nth-child({n})::before {{ content: '{heading} '; }}" for n, heading in enumerate(headings, 1) if heading]
    classes = [f".s{n} {{ fill: var(--c{n}); background: var(--c{n}); }} .t{n} {{ stroke: var(--c{n}); }}" for n in range(REGION_COLORS)]
    for status in ("ok", "skipped", "partial", "failed"):
        classes.append(f"rect.{status} {{ fill: var(--{status}); }} i.{status} {{ background: var(--{status}); }}")
        classes.append(f"b.{status} {{ color: var(--{status}); }}")
    dark = f"@media (prefers-color-scheme: dark) {{ {_variables(DARK)} }}"
    narrow = f"@media (max-width: 700px) {{ {_NARROW} {' '.join(names)} }}"
    return "\n".join(["", _variables(LIGHT), dark, _STYLE.strip(), *classes, narrow, ""])


def _variables(colors: Mapping[str, str]) -> str:
    return f":root {{ color-scheme: light dark; {' '.join(f'--{name}: {value};' for name, value in colors.items())} }}"


_STYLE = """
* { box-sizing: border-box; margin: 0; padding: 0; }
[hidden] { display: none !important; }
body { background: var(--ground); color: var(--ink); font: 14px/1.45 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 1160px; margin: 0 auto; padding: 20px; display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 14px; }
main > * { grid-column: 1 / -1; min-width: 0; } main > figure { grid-column: auto; } main > figure.full { grid-column: 1 / -1; }
header { display: flex; flex-wrap: wrap; gap: 4px 16px; align-items: baseline; justify-content: space-between; }
header p { flex-basis: 100%; overflow-wrap: anywhere; }
h1 { font-size: 21px; font-weight: 650; } h2 { font-size: 14px; font-weight: 650; }
header p, .tiles p, .empty, #count { color: var(--soft); }
.warning { background: var(--warning); border-left: 3px solid var(--ink); padding: 8px 12px; overflow-wrap: anywhere; }
.tiles { display: grid; grid-template-columns: repeat(6, minmax(0, 1fr)); gap: 14px; }
.tiles div, figure, section { background: var(--paper); border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px; }
h3, .tiles p { font-size: 12px; font-weight: 400; color: var(--soft); }
.tiles b { font-size: 21px; font-weight: 600; overflow-wrap: anywhere; }
.tiles p { min-height: 1.45em; }
figure { display: flex; flex-direction: column; } figure > div { margin-top: auto; } .narrow { display: none; }
figcaption { display: flex; flex-wrap: wrap; gap: 2px 16px; align-items: baseline; margin-bottom: 8px; }
ul { list-style: none; display: flex; flex-wrap: wrap; gap: 0 12px; font-size: 12px; color: var(--soft); overflow-wrap: anywhere; }
li i { display: inline-block; width: 9px; height: 9px; border-radius: 2px; margin-right: 5px; } i.none { border: 1px solid var(--soft); }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { font-size: 11px; fill: var(--soft); font-variant-numeric: tabular-nums; }
svg .day { font-weight: 650; fill: var(--ink); } .grid { stroke: var(--line); } .axis { stroke: var(--soft); }
rect.none { fill: none; stroke: var(--soft); stroke-width: 0.8; } rect.filtered { fill: var(--filtered); }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
section { display: flex; flex-wrap: wrap; gap: 8px 20px; align-items: center; }
#count { margin-left: auto; } #scroll { flex-basis: 100%; overflow-x: auto; }
input[type="search"], button { font: inherit; color: var(--ink); background: var(--ground); }
input[type="search"], button { border: 1px solid var(--soft); border-radius: 5px; }
input[type="search"] { padding: 4px 8px; width: 17em; max-width: 100%; } #more { padding: 6px 14px; }
th button { border: 0; background: none; color: inherit; font-weight: inherit; cursor: pointer; white-space: nowrap; }
th[aria-sort="descending"] button::after { content: " ↓"; } th[aria-sort="ascending"] button::after { content: " ↑"; }
:focus-visible { outline: 2px solid var(--ink); outline-offset: 1px; }
table { border-collapse: collapse; font-size: 12.5px; width: 100%; }
th, td { padding: 5px 8px; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; white-space: nowrap; }
th { color: var(--soft); font-weight: 600; } td { font-variant-numeric: tabular-nums; }
td:nth-child(3) { white-space: normal; overflow-wrap: anywhere; min-width: 9em; }
:is(th, td):nth-child(n + 4):nth-child(-n + 9) { text-align: right; }
td:last-child { white-space: normal; overflow-wrap: anywhere; min-width: 13em; }
code { font: 12px ui-monospace, "DejaVu Sans Mono", monospace; }
@media (max-width: 900px) { main > figure { grid-column: 1 / -1; } .tiles { grid-template-columns: repeat(3, minmax(0, 1fr)); } }
"""

_NARROW = """
main { padding: 10px; gap: 10px; } .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 10px; }
.wide { display: none; } .narrow { display: block; } #count { margin-left: 0; flex-basis: 100%; }
.tiles div, figure, section { padding: 10px 12px; }
table, tbody, tr { display: block; } thead { display: none; } thead.sortable { display: block; }
thead tr { display: flex; flex-wrap: wrap; gap: 4px 6px; padding-bottom: 8px; }
thead th { padding: 0; border: 0; } th button { border: 1px solid var(--line); border-radius: 5px; padding: 3px 7px; }
tbody tr { display: flex; flex-wrap: wrap; gap: 2px 14px; padding: 8px 0; border-bottom: 1px solid var(--line); }
tbody td { border: 0; padding: 0; min-width: 0; white-space: normal; overflow-wrap: anywhere; } td:empty { display: none; }
td::before { color: var(--soft); } td:last-child:not(:empty) { flex-basis: 100%; }
"""
