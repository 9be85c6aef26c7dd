// The main table with scripts: test set, kinds, search, columns, order, pages; the view is kept in
// the address. Rows are ordered and ranked inside their section only (see ranks.js).
"use strict";

(() => {
  const table = window.DFBENCH;
  const PAGE = 100;
  const MANY_TESTS = 3;
  const at = new Map(table.columns.map((column, index) => [column.key, index]));
  const metric = table.columns[at.get(table.metric)];
  const find = (id) => document.getElementById(id);
  const { number } = Rows;
  const board = find("board");
  const barFrom = Number.parseFloat(board.dataset.barFrom);

  const first = firstView();
  let view = first;
  let unknown = [];

  function firstView() {
    return {
      test: firstTest(),
      kinds: new Set(table.sections.map((section) => section.kind)),
      search: "",
      least: null,
      sort: table.metric,
      ascending: metric.higher === false,
      columns: new Set(table.columns.filter((c, i) => c.shown || i === 0).map((c) => c.key)),
      intervals: false,
      page: 1,
    };
  }

  /** "" = all. Where many test sets have rows that are ranked, the one with most of them. */
  function firstTest() {
    const rows = [...rowsByTest((section) => section.ranked)].filter((one) => one[1] > 0);
    if (rows.length <= MANY_TESTS) return "";
    return rows.reduce((most, one) => (one[1] > most[1] ? one : most))[0];
  }

  function rowsByTest(counts = () => true) {
    const rows = new Map(table.sections.map((section) => [section.test, 0]));
    for (const [place] of table.lines) {
      const section = table.sections[place];
      if (counts(section)) rows.set(section.test, rows.get(section.test) + 1);
    }
    return rows;
  }

  // What is worked out once and kept: keys and ranks by column, the order last asked for, the words.
  const kept = new Map();
  function once(name, make) {
    if (!kept.has(name)) kept.set(name, make());
    return kept.get(name);
  }
  const keysOf = (index) => once(`keys ${index}`, () => Ranks.keys(table, index));
  const ranksOf = (index) =>
    once(`ranks ${index}`, () => Ranks.ranks(table, index, keysOf(index)));
  const words = () => once("words", () => table.lines.map(([section, , , , marks, cells]) => {
    const { test, kind } = table.sections[section];
    const texts = cells.filter((cell) => typeof cell === "string");
    return [test, kind, ...texts, ...marks].join("\n").toLowerCase();
  }));

  function ordered() {
    const name = `${view.sort} ${view.ascending}`;
    if (kept.get("order name") !== name) {
      kept.set("order", Ranks.order(table, keysOf(at.get(view.sort)), view.ascending));
      kept.set("order name", name);
    }
    return kept.get("order");
  }

  /** Indices of the lines that the view asks for, by section. */
  function matching() {
    const asked = view.search.toLowerCase().split(/\s+/).filter(Boolean);
    const bound = keysOf(at.get(table.metric));
    const within = (value) => (metric.higher === false ? value <= view.least : value >= view.least);
    return ordered().map((lines, place) => {
      const { test, kind } = table.sections[place];
      if ((view.test && view.test !== test) || !view.kinds.has(kind)) return [];
      return lines.filter((index) =>
        asked.every((word) => words()[index].includes(word)) &&
        (view.least === null || within(bound[index])));
    });
  }

  /** The column that rows are ranked by: the one they are sorted by, if it is a metric. */
  function keyColumn() {
    const sorted = table.columns[at.get(view.sort)];
    return sorted.kind === "metric" && sorted.higher !== null ? sorted : metric;
  }

  function show() {
    const found = matching();
    const total = found.reduce((sum, lines) => sum + lines.length, 0);
    const pages = Math.max(1, Math.ceil(total / PAGE));
    view.page = Math.min(view.page, pages);
    showHead();
    for (const old of [...board.tBodies]) old.remove();  // the head stays, and with it the focus
    board.append(...bodies(found, total));
    board.classList.toggle("intervals", view.intervals);
    showStatus(total, pages);
    find("copy").setAttribute("href", Address.write(view, first) || "#");
  }

  function bodies(found, total) {
    if (total === 0) return [Rows.emptyBody(shownColumns())];
    const [from, to] = [(view.page - 1) * PAGE, view.page * PAGE];
    const made = [];
    let before = 0;
    found.forEach((lines, place) => {
      const [start, end] = [Math.max(0, from - before), Math.min(lines.length, to - before)];
      if (start < end) made.push(body(place, lines, start, end));
      before += lines.length;
    });
    return made;
  }

  function body(place, lines, start, end) {
    const key = at.get(keyColumn().key);
    const { rank, tied } = ranksOf(key);
    const look = { columns: shownColumns(), key, barAt: at.get(table.metric), barFrom };
    if (Number.isNaN(barFrom)) look.barAt = -1;
    return Rows.make("tbody", table.sections[place].ranked ? {} : { css: "unranked" },
      Rows.sectionRow(table.sections[place],
        { shown: lines.length, all: sectionSizes()[place], continued: start > 0 }, look.columns),
      ...lines.slice(start, end).map((index) =>
        Rows.row(table, table.lines[index], rank[index], tied[index], look)));
  }

  const sectionSizes = () => once("sizes", () => ordered().map((lines) => lines.length));
  const shownColumns = () => table.columns.flatMap((c, i) => (view.columns.has(c.key) ? [i] : []));

  /** Headings stay in place when only the order changes, so the focus stays on them. */
  function showHead() {
    const columns = shownColumns();
    const row = board.tHead.rows[0];
    if (kept.get("head") !== String(columns)) {
      kept.set("head", String(columns));
      row.replaceChildren(
        Rows.make("th", { scope: "col", css: "rank" }, "Rank", Rows.make("small", { id: "by" })),
        ...columns.map(heading));
    }
    const key = keyColumn();
    find("by").textContent = ` by ${key.label}`;
    columns.forEach((index, place) => {
      const cell = row.cells[place + 1];
      const column = table.columns[index];
      cell.className = Rows.css(column, column === key);
      if (column.key === view.sort) {
        cell.setAttribute("aria-sort", view.ascending ? "ascending" : "descending");
      } else cell.removeAttribute("aria-sort");
    });
  }

  function heading(index) {
    const { key, label, title } = table.columns[index];
    const button = Rows.make("button", { type: "button", title }, label);
    button.addEventListener("click", () => sortBy(key));
    return Rows.make("th", { scope: "col" }, button);
  }

  /** First best first: texts from A, sizes from the largest; then the other way round. */
  function sortBy(key) {
    const { kind, higher } = table.columns[at.get(key)];
    const ascending = kind === "text" || higher === false;
    change({ sort: key, ascending: key === view.sort ? !view.ascending : ascending });
  }

  function showStatus(total, pages) {
    const label = table.columns[at.get(view.sort)].label;
    const from = (view.page - 1) * PAGE + 1;
    const part = pages > 1 ? `Rows ${number(from)} to ${number(Math.min(total, from + PAGE - 1))} of ` : "";
    const way = view.ascending ? "ascending" : "descending";
    find("status").textContent = [
      `${part}${number(total)} ${total === 1 ? "row" : "rows"}`,
      total === table.lines.length ? "" : ` (${number(table.lines.length)} in all)`,
      `, sorted by ${label}, ${way}.`,
      unknown.length ? ` This address asks for what is not here: ${unknown.join(", ")}.` : "",
    ].join("");
    find("pages").hidden = pages === 1;
    find("page").textContent = `Page ${number(view.page)} of ${number(pages)}`;
    find("previous").setAttribute("aria-disabled", view.page === 1);
    find("next").setAttribute("aria-disabled", view.page === pages);
  }

  /** Another view. quiet: without a step in the browser's history, for every letter of a search. */
  function change(part, { quiet = false } = {}) {
    view = { ...view, page: 1, ...part };
    unknown = [];
    show();
    const address = Address.write(view, first) || location.pathname + location.search;
    if (quiet) history.replaceState(null, "", address);
    else history.pushState(null, "", address);
  }

  /** The view that the address asks for. "#main" and the like are places on the page, not views. */
  function restore() {
    if (location.hash && !location.hash.includes("=")) return;
    ({ view, unknown } = Address.read(location.hash, first, table));
    show();
    Controls.show(view);
  }

  window.addEventListener("popstate", restore);
  const Controls = boardControls({ table, metric, first, tests: rowsByTest(), change, now: () => view });
  restore();
})();
