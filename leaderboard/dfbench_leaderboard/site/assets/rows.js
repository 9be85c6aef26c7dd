// How cells and rows look: what site/cells.py and _table.html write for the page without scripts.
// Names come from files that anyone may have written: they enter the page as text nodes only.
"use strict";

const Rows = (() => {
  const UNITS = [["", 1], ["k", 1e3], ["M", 1e6], ["G", 1e9], ["T", 1e12]];
  const MISSING = "–";
  const SVG = "http://www.w3.org/2000/svg";

  /** As Python's format(value, ".Nf"): an exact tie goes to the even digit, toFixed's goes up. */
  function fixed(value, digits) {
    const scaled = value * 10 ** digits;
    const tie = (value * 2 ** (digits + 1)) % 1 === 0 && Math.abs(scaled % 1) === 0.5;
    if (!tie) return value.toFixed(digits);
    return (2 * Math.round(scaled / 2) / 10 ** digits).toFixed(digits);
  }

  function size(value) {
    const [unit, one] = UNITS.find(([name, one]) =>
      Number(fixed(value / one, 1)) < 1000 || name === "T");
    return unit ? `${fixed(value / one, 1)} ${unit}` : String(value);
  }

  function share(value) {
    if (value === 1) return "100 %";
    const text = `${fixed(100 * value, 1)} %`;
    return value < 1 && text === "100.0 %" ? "> 99.9 %" : text;
  }

  function digitsOf(column) {
    return column.digits ?? (column.kind === "metric" ? 3 : null);
  }

  function text(cell, column) {
    const value = Array.isArray(cell) ? cell[0] : cell;
    if (value === null || value === "") return MISSING;
    if (typeof value === "string") return value;
    if (column.kind === "size") return size(value);
    if (column.kind === "share") return share(value);
    const digits = digitsOf(column);
    return digits === null ? String(value) : fixed(value, digits);
  }

  function interval(cell, column) {
    if (!Array.isArray(cell) || cell[1] === null || cell[2] === null) return "";
    const digits = digitsOf(column);
    return `[${fixed(cell[1], digits)}, ${fixed(cell[2], digits)}]`;
  }

  /** An element; what is a string among `children` becomes text. */
  function make(tag, { css, ...attributes } = {}, ...children) {
    const element = document.createElement(tag);
    if (css) element.className = css;
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  function bar([value, low, high], start) {
    const x = (v) => fixed((50 * Math.max(0, v - start)) / (1 - start), 1);
    const svg = document.createElementNS(SVG, "svg");
    const path = document.createElementNS(SVG, "path");
    svg.setAttribute("class", "ci");
    svg.setAttribute("viewBox", "0 0 50 8");
    svg.setAttribute("aria-hidden", "true");
    path.setAttribute("d", `M${x(low)} 4H${x(high)}M${x(value)} 1V7`);
    svg.append(path);
    return svg;
  }

  function rankCell(rank, tied) {
    const cell = make("td", { css: "rank" }, rank ? String(rank) : MISSING);
    if (tied) {
      cell.append(" ", make("span", { css: "tied" },
        make("span", { "aria-hidden": "true" }, "≈1"),
        make("span", { css: "vh" }, ", not distinguishable from rank 1")));
    }
    return cell;
  }

  /** The cell that names the row. A link leads to a page of this site or is none. */
  function nameCell(name, href, marks) {
    const inside = /^[^\s:/\\][^\s:\\]*$/.test(href);
    const cell = make("th", { scope: "row" }, inside ? make("a", { href }, name) : name);
    for (const mark of marks) cell.append(" ", make("span", { css: "mark" }, mark));
    return cell;
  }

  /** view: {columns: indices, key: index ranked by, barAt: index or -1, barFrom}. */
  function row(table, line, rank, tied, view) {
    const [, href, , , marks, cells] = line;
    const tr = make("tr", rank === 1 ? { css: "first" } : {}, rankCell(rank, tied));
    for (const at of view.columns) {
      const [cell, column] = [cells[at], table.columns[at]];
      if (at === 0) {
        tr.append(nameCell(text(cell, column), href, marks));
        continue;
      }
      const td = make("td", { css: css(column, at === view.key) }, text(cell, column));
      const range = interval(cell, column);
      if (range) td.append(" ", make("small", {}, range));
      if (range && at === view.barAt) td.append(bar(cell, view.barFrom));
      tr.append(td);
    }
    return tr;
  }

  function css(column, isKey) {
    const align = { text: "", metric: "m" }[column.kind] ?? "n";
    return isKey ? `${align} key` : align;
  }

  function kindClass(kind) {
    return `kind-${kind.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "")}`;
  }

  const number = (value) => value.toLocaleString("en");

  /** The heading of a section. rows: {shown, all, continued}: of its rows, and whether some of them
   *  stand on the page before. */
  function sectionRow(section, rows, columns) {
    const count = rows.shown === rows.all ? "" : `${number(rows.shown)} of `;
    const facts = [
      section.videos === null ? "" : `${number(section.videos)} videos`,
      section.note,
      section.ranked ? "" : "not ranked",
      `${count}${number(rows.all)} ${rows.all === 1 ? "row" : "rows"}`,
      rows.continued ? "continued" : "",
    ].filter(Boolean).join(" · ");
    const head = make("th", { scope: "rowgroup", colspan: columns.length + 1 },
      make("div", {},
        make("b", {}, section.test), " ",
        make("span", { css: `badge ${kindClass(section.kind)}` }, section.kind), " ",
        make("span", { css: "facts" }, facts)));
    return make("tr", { css: "section" }, head);
  }

  function emptyBody(columns) {
    const cell = make("td", { css: "empty", colspan: columns.length + 1 },
      make("div", {}, "No row is like this. Reset shows them all again."));
    return make("tbody", {}, make("tr", {}, cell));
  }

  return { make, row, sectionRow, emptyBody, css, number };
})();
