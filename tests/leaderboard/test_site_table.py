"""The table of the main page: hostile names, many rows, how a cell reads."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import pytest
from browser import visit
from made_table import AT, COLUMNS, CONTEXT, _plain, make_table, names, sort_by

from dfbench_leaderboard.site.cells import bar_from, cell_text, safe_href
from dfbench_leaderboard.site.render import write_front
from dfbench_leaderboard.site.table import Column, Line, Section, Table

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onclick='alert(1)",
    '=HYPERLINK("http://x.example")',
    "</script>\u2028\u202e{{ 7*7 }}",
    "a" * 5000,
)
LINKS = (
    "javascript:alert(1)",
    "//x.example/a",
    "\tjavascript:alert(1)",
    "data:text/html,<b>",
    "http://x.example",
    "\\\\x.example",
)


@pytest.mark.parametrize("scripts", [True, False])
def test_hostile_names_are_text(browser, tmp_path, scripts):
    bad = HOSTILE[0]
    columns = [replace(c, label=f"{c.label}{bad}", title=HOSTILE[1]) for c in COLUMNS]
    columns[1] = replace(columns[1], key=HOSTILE[1])
    lines = [
        Line(
            0,
            href,
            1,
            False,
            (bad,),
            (name, name, float("nan"), (0.5, float("-inf"), 0.6), *[None] * 5, name),
        )
        for name, href in zip(HOSTILE, LINKS, strict=True)
    ]
    table = Table("video/auc", columns, [Section(bad, bad, 3, HOSTILE[1], True)], lines)
    write_front(table, tmp_path, **CONTEXT | {"site_title": bad})
    with visit(browser, tmp_path / "index.html", java_script_enabled=scripts) as page:
        shown = page.locator("#board th[scope=row]").all_inner_texts()
        wanted = [*HOSTILE[:4], "</script>\ufffd\ufffd{{ 7*7 }}", "a" * 199 + "…"]
        assert shown == [f"{name} {bad}" for name in wanted]
        assert page.locator("#board a, #board img, #board script").count() == 0
        assert page.locator(".brand").inner_text() == bad
        assert page.title() == bad
        if scripts:
            sort_by(page, f"Family{bad}")
            page.get_by_text("Columns", exact=True).click()
            page.get_by_label(f"Family{bad}").uncheck()
            page.wait_for_timeout(100)  # an alert, if any, has come up by now
    data = (tmp_path / "data.js").read_text("ascii")
    json.loads(data[data.index("{") : data.rindex("}") + 1], parse_constant=pytest.fail)


def test_csv_has_all_digits_and_no_formula(tmp_path, table):
    lines = [replace(line, cells=("=1+1", *line.cells[1:])) for line in table.lines]
    write_front(replace(table, lines=lines), tmp_path, **CONTEXT)
    with (tmp_path / "table.csv").open(newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    assert len(found) == 40
    assert {row["detector"] for row in found} == {"'=1+1"}
    auc = table.lines[0].cells[AT["AUC"]]
    assert tuple(float(found[0][f"video/auc{end}"]) for end in ("", "_low", "_high")) == auc


def test_ten_thousand_rows_sort_in_under_200_ms(browser, tmp_path):
    write_front(make_table(10_000), tmp_path, **CONTEXT)
    with visit(browser, tmp_path / "index.html") as page:
        took = page.evaluate("""() => [0, 1, 2, 3, 4].map((_) => {
            const start = performance.now();
            document.querySelector("#board thead th:nth-child(6) button").click();
            document.getElementById("board").getBoundingClientRect();  // the layout counts, too
            return performance.now() - start;
        })""")
        print("sorting took", [round(one) for one in took], "ms")
        assert min(took) < 200  # the best one: other programs share the machine
        assert len(names(page)) == 100
        assert "Rows 1 to 100 of 10,000" in page.get_by_role("status").first.inner_text()
        page.get_by_role("button", name="Next").click()
        assert len(names(page)) == 100
        assert "continued" in page.locator("tr.section").inner_text()
        assert page.url.endswith("&page=2")
    with _plain(browser, tmp_path / "index.html") as page:
        assert len(names(page)) == 300
        assert page.get_by_role("link", name="The whole table").is_visible()
    whole = (tmp_path / "table.html").read_text("utf-8")
    assert whole.count('<th scope="row">') == 10_000
    assert "Protocol" in whole[: whole.index("</thead>")]


@pytest.mark.parametrize(
    ("kind", "digits", "cell", "text"),
    [
        ("metric", None, (0.98651, 0.98, 0.99), "0.987"),
        ("metric", None, None, "–"),
        ("size", None, 27977, "28.0 k"),
        ("size", None, 46203074, "46.2 M"),
        ("size", None, 999_960, "1.0 M"),
        ("size", None, 950, "950"),
        ("share", None, 0.992, "99.2 %"),
        ("share", None, 0.99999, "> 99.9 %"),
        ("share", None, 1.0, "100 %"),
        ("number", None, 2019, "2019"),
        ("number", 1, 12.34, "12.3"),
        ("text", None, "", "–"),
    ],
)
def test_how_a_cell_reads(kind, digits, cell, text):
    assert cell_text(cell, Column("key", "Label", "", kind, digits=digits)) == text


def test_links_stay_on_the_site():
    assert safe_href("runs/a-1_b.html") == "runs/a-1_b.html"
    assert [safe_href(link) for link in LINKS] == [""] * len(LINKS)


def test_bars_begin_at_a_half_or_below_the_least_value(table):
    def start(low: float) -> float | None:
        line = table.lines[0]
        cells = (*line.cells[:3], (0.9, low, 0.95), *line.cells[4:])
        return bar_from(replace(table, lines=[replace(line, cells=cells)]))

    assert [start(low) for low in (0.8, 0.43, 0.0, -0.1)] == [0.5, 0.4, 0.0, None]
    assert bar_from(replace(table, metric="video/eer")) is None  # less is better
