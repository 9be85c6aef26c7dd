// Order and ranks, by the rules of dfbench_leaderboard/rank.py. A line is
// [section, href, rank, tied, marks, cells]; see site/table.py.
"use strict";

const Ranks = (() => {
  const [SECTION, RANK, TIED, CELLS] = [0, 2, 3, 5];
  const collator = new Intl.Collator("en", { numeric: true });

  /** One number a line to sort by, NaN where there is no value. */
  function keys(table, at) {
    const cells = table.lines.map((line) => line[CELLS][at]);
    const kind = table.columns[at].kind;
    if (kind === "metric") return Float64Array.from(cells, (cell) => (cell ? cell[0] : NaN));
    if (kind !== "text") return Float64Array.from(cells, (cell) => cell ?? NaN);
    const texts = cells.map((cell) => String(cell ?? ""));
    const places = new Map();
    for (const text of [...new Set(texts)].sort(collator.compare)) places.set(text, places.size);
    return Float64Array.from(texts, (text) => (text ? places.get(text) : NaN));
  }

  /** Indices of lines by section, each in order of `key`; those without a value last. */
  function order(table, key, ascending) {
    const sign = ascending ? 1 : -1;
    const sections = table.sections.map(() => []);
    table.lines.forEach((line, index) => sections[line[SECTION]].push(index));
    for (const section of sections) {
      section.sort((a, b) => {
        const [x, y] = [key[a], key[b]];
        if (x === y) return a - b;
        if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y) || a - b;
        return sign * (x - y);
      });
    }
    return sections;
  }

  /** {rank, tied}, one a line, rank 0 = none. By the table's own metric they come with the table. */
  function ranks(table, at, key) {
    const rank = new Int32Array(table.lines.length);
    const tied = new Uint8Array(table.lines.length);
    const column = table.columns[at];
    if (column.key === table.metric) {
      table.lines.forEach((line, index) => {
        rank[index] = line[RANK] ?? 0;
        tied[index] = line[TIED];
      });
      return { rank, tied };
    }
    order(table, key, column.higher === false).forEach((section, place) => {
      if (table.sections[place].ranked) rankSection(table, at, key, section, rank, tied);
    });
    return { rank, tied };
  }

  function rankSection(table, at, key, section, rank, tied) {
    const cell = (index) => table.lines[index][CELLS][at];
    section.forEach((index, place) => {
      if (Number.isNaN(key[index])) return;
      const before = section[place - 1];
      const same = place > 0 && key[before] === key[index];
      rank[index] = same ? rank[before] : place + 1;
      tied[index] = rank[index] !== 1 && overlap(cell(index), cell(section[0]));
    });
  }

  function overlap([, low, high], [, bestLow, bestHigh]) {
    const known = [low, high, bestLow, bestHigh].every((value) => value !== null);
    return known && low <= bestHigh && bestLow <= high;
  }

  return { keys, order, ranks };
})();
