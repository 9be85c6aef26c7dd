// A view of the table as the part of an address behind "#", so that it can be shared.
"use strict";

const Address = (() => {
  /** Only what differs from the view that the page opens with. */
  function write(view, first) {
    const query = new URLSearchParams();
    if (view.test !== first.test) query.set("test", view.test);
    if (view.kinds.size !== first.kinds.size) {
      if (view.kinds.size === 0) query.set("kind", "");
      for (const kind of view.kinds) query.append("kind", kind);
    }
    if (view.search) query.set("q", view.search);
    if (view.least !== null) query.set("bound", view.least);
    if (view.sort !== first.sort || view.ascending !== first.ascending) {
      query.set("sort", view.sort);
      query.set("order", view.ascending ? "asc" : "desc");
    }
    for (const key of first.columns) if (!view.columns.has(key)) query.append("hide", key);
    for (const key of view.columns) if (!first.columns.has(key)) query.append("show", key);
    if (view.intervals) query.set("intervals", "all");
    if (view.page > 1) query.set("page", view.page);
    const text = String(query);
    return text ? `#${text}` : "";
  }

  /** {view, unknown}: the view asked for, and what it asks for that this table does not have. */
  function read(hash, first, table) {
    const query = new URLSearchParams(hash.replace(/^#/, ""));
    const unknown = [];
    const known = (what, values, name) => values.has(name) || !unknown.push(`${what} “${name}”`);
    const view = { ...first, kinds: new Set(first.kinds), columns: new Set(first.columns) };

    const keys = new Set(table.columns.map((column) => column.key));
    const tests = new Set(["", ...table.sections.map((section) => section.test)]);
    const test = query.get("test");
    if (test !== null && known("test set", tests, test)) view.test = test;
    if (query.has("kind")) {
      const kinds = query.getAll("kind").filter(Boolean);
      view.kinds = new Set(kinds.filter((kind) => known("kind", first.kinds, kind)));
    }
    view.search = query.get("q") ?? "";
    const bound = Number.parseFloat(query.get("bound"));
    view.least = Number.isFinite(bound) ? bound : null;
    const sort = query.get("sort");
    if (sort !== null && known("column", keys, sort)) {
      view.sort = sort;
      view.ascending = query.get("order") === "asc";
    }
    for (const key of query.getAll("hide")) if (known("column", keys, key)) view.columns.delete(key);
    for (const key of query.getAll("show")) if (known("column", keys, key)) view.columns.add(key);
    view.columns.add(table.columns[0].key);
    view.intervals = query.get("intervals") === "all";
    view.page = Math.max(1, Number.parseInt(query.get("page") ?? "1", 10) || 1);
    return { view, unknown };
  }

  return { read, write };
})();
