"""The script of the HTML page of runs: filter, sort, and local time. The page is complete without it, and it loads nothing.

It handles text from logs only as text (``textContent``), and adds no markup. At most one step of rows (``data-step``) is in the document at
first; the other rows are in a template, which the browser neither lays out nor paints.
"""

SCRIPT = r"""
"use strict";
(() => {
  const one = (selector) => document.querySelector(selector);
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const table = one("table");
  const rows = table ? [...all("tbody tr"), ...all("tr", one("#older").content)] : [];
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const utc = new Map();

  const two = (number) => String(number).padStart(2, "0");
  const day = (date) => `${date.getDate()} ${MONTHS[date.getMonth()]}`;
  const clock = (date) => `${two(date.getHours())}:${two(date.getMinutes())}`;
  const original = (element) => {
    if (!utc.has(element)) utc.set(element, element.textContent);
    return utc.get(element);
  };
  const full = (date) =>
    `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock(date)}:${two(date.getSeconds())}`;

  const setTime = (element, local) => {
    const text = original(element);
    element.textContent = local ? full(new Date(element.dateTime)).slice(0, text.length) : text;
  };
  const setTooltip = (element, local) => {
    const text = original(element);
    const date = new Date(element.dataset.t * 1000);
    element.textContent = local ? `${day(date)} ${clock(date)} local${text.slice(text.indexOf(": "))}` : text;
  };
  const setTick = (element, local) => {
    const text = original(element);
    const date = new Date(element.dataset.t * 1000);
    const startsDay = text.includes(" ");
    const isMidnight = clock(date) === "00:00";
    const name = isMidnight ? day(date) : startsDay ? `${day(date)} ${clock(date)}` : clock(date);
    element.textContent = local ? name : text;
    element.classList.toggle("day", local ? isMidnight || startsDay : startsDay);
  };

  let cells = [];
  const readCells = () => {
    cells = rows.map((row) => ({ row, failed: row.cells[1].textContent === "failed", text: row.textContent.toLowerCase() }));
  };

  const setZone = (local) => {
    for (const element of all("time")) setTime(element, local);
    for (const row of rows) for (const element of all("time", row)) setTime(element, local);
    for (const element of all("title[data-t]")) setTooltip(element, local);
    for (const element of all("text[data-t]")) setTick(element, local);
    for (const element of all(".zone")) element.textContent = local ? "local" : "UTC";
    const name = Intl.DateTimeFormat().resolvedOptions().timeZone || "local time";
    for (const element of all(".zone-name")) element.textContent = local ? name : "UTC";
    readCells();
  };

  const zone = one("#local");
  one("#zone").hidden = false;
  zone.checked = false;
  zone.addEventListener("change", () => {
    setZone(zone.checked);
    if (table) show();
  });
  if (!table) return;

  const STEP = Number(table.dataset.step);
  const filter = one("#filter");
  const failed = one("#failed");
  const more = one("#more");
  let limit = STEP;

  const show = () => {
    const wanted = filter.value.trim().toLowerCase();
    const found = cells.filter((cell) => (!failed.checked || cell.failed) && cell.text.includes(wanted));
    table.tBodies[0].replaceChildren(...found.slice(0, limit).map((cell) => cell.row));
    const number = (value) => value.toLocaleString("en");
    const shown = found.length > limit ? `, ${number(limit)} shown` : "";
    one("#count").textContent = `${number(found.length)} of ${number(rows.length)} ${rows.length === 1 ? "run" : "runs"}${shown}`;
    more.hidden = found.length <= limit;
  };
  const restart = () => {
    limit = STEP;
    show();
  };

  const keyOf = (cell) => {
    if (cell.textContent === "" || cell.textContent === "?") return null;
    if ("v" in cell.dataset) return Number(cell.dataset.v);
    const time = cell.querySelector("time");
    return time ? Date.parse(time.dateTime) : cell.textContent;
  };
  const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  const sortBy = (column, descending) => {
    const keys = new Map(rows.map((row) => [row, keyOf(row.cells[column])]));
    rows.sort((a, b) => {
      const [left, right] = [keys.get(a), keys.get(b)];
      if (left === null || right === null) return (left === null) - (right === null);
      return descending ? compare(right, left) : compare(left, right);
    });
  };

  const headings = all("thead th");
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const descending = heading.getAttribute("aria-sort") !== "descending";
      for (const other of headings) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
      sortBy(column, descending);
      readCells();
      restart();
    });
  });
  one("thead").classList.add("sortable");
  headings[0].setAttribute("aria-sort", "descending");

  filter.value = "";
  failed.checked = false;
  filter.addEventListener("input", restart);
  failed.addEventListener("change", restart);
  more.addEventListener("click", () => {
    limit += STEP;
    show();
  });
  for (const element of all("[data-control]")) element.hidden = false;
  readCells();
  show();
})();
"""
