// The controls above the main table. They read and change the view; board.js shows it.
"use strict";

/** now(): the view as it is; change(part, {quiet}): asks for another. Returns {show(view)}. */
function boardControls({ table, metric, first, tests, change, now }) {
  const find = (id) => document.getElementById(id);
  const [test, search, least, kinds] = ["test", "search", "least", "kinds"].map(find);
  const { number } = Rows;

  function checkbox(label, name, title = "") {
    const box = Rows.make("input", { type: "checkbox", value: name });
    return [box, Rows.make("label", title ? { title } : {}, box, " ", label)];
  }

  /** A checkbox for each name in `names`, kept in the set `view[part]`. */
  function checkboxes(into, part, names) {
    const boxes = names.map(([name, label, title]) => {
      const [box, labelled] = checkbox(label, name, title);
      box.addEventListener("change", () => {
        const chosen = new Set(now()[part]);
        chosen[box.checked ? "add" : "delete"](name);
        change({ [part]: chosen });
      });
      into.append(labelled);
      return box;
    });
    return (view) => boxes.forEach((box) => { box.checked = view[part].has(box.value); });
  }

  function option(value, label) {
    return Rows.make("option", { value }, label);
  }

  test.append(option("", `All ${tests.size} test sets`),
    ...[...tests].map(([name, rows]) => option(name, `${name} (${number(rows)})`)));
  test.parentElement.hidden = tests.size < 2;
  test.addEventListener("change", () => change({ test: test.value }));

  search.addEventListener("input", () => later({ search: search.value.trim() }));

  find("least-label").textContent = `${metric.label} at ${metric.higher === false ? "most" : "least"}`;
  least.addEventListener("input", () => {
    const value = Number.parseFloat(least.value);
    later({ least: Number.isFinite(value) ? value : null });
  });

  // Typing shows at once, but browsers allow only so many changes of the address in a while.
  let waiting = 0;
  function later(part) {
    clearTimeout(waiting);
    waiting = setTimeout(() => change(part, { quiet: true }), 120);
  }

  const showKinds = checkboxes(kinds, "kinds", [...first.kinds].map((kind) => [kind, kind]));
  kinds.hidden = first.kinds.size < 2;
  const showColumns = checkboxes(find("columns"), "columns",
    table.columns.slice(1).map(({ key, label, title }) => [key, label, title]));
  const [intervals, labelled] = checkbox("Intervals in every column", "all");
  intervals.addEventListener("change", () => change({ intervals: intervals.checked }));
  find("columns").append(Rows.make("hr"), labelled);

  const menu = find("columns-menu");
  document.addEventListener("click", (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });

  function turn(step) {
    return (event) => {
      if (event.currentTarget.getAttribute("aria-disabled") === "true") return;
      change({ page: now().page + step });
      find("scroll").scrollTop = 0;
      find("scroll").scrollIntoView({ block: "start" });
    };
  }
  find("previous").addEventListener("click", turn(-1));
  find("next").addEventListener("click", turn(1));

  find("reset").addEventListener("click", () => {
    change({ ...first });
    show(first);
  });

  // A link, so that it can also be copied or opened by the browser's own means.
  find("copy").addEventListener("click", async (event) => {
    event.preventDefault();
    const address = event.currentTarget.href;
    try {
      await navigator.clipboard.writeText(address);
      find("copied").textContent = "Copied.";
    } catch {
      find("copied").textContent = `Not allowed to copy. The address: ${address}`;
    }
    setTimeout(() => { find("copied").textContent = ""; }, 8000);
  });

  /** The controls as `view` has them. */
  function show(view) {
    test.value = view.test;
    search.value = view.search;
    least.value = view.least ?? "";
    intervals.checked = view.intervals;
    showKinds(view);
    showColumns(view);
  }

  for (const part of document.querySelectorAll("[data-scripted]")) part.hidden = false;
  return { show };
}
