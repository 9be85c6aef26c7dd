"""The main page in a real browser: what a reader does with it, and that no name does harm."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import axe, visit
from made_table import (
    AT,
    CONTEXT,
    SECTIONS,
    _plain,
    expected,
    names,
    rows,
    sections,
    sort_by,
    value,
)

from dfbench_leaderboard.site.render import write_front
from dfbench_leaderboard.site.table import Table


@pytest.fixture(scope="module")
def index(table: Table, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    write_front(table, out, **CONTEXT)
    (out / "runs").mkdir()
    for line in table.lines:
        if line.href:
            (out / line.href).write_text(f"<!doctype html><title>{line.cells[0]}</title>")
    return out / "index.html"


@pytest.fixture
def page(browser: Any, index: Path) -> Iterator[Any]:
    with visit(browser, index) as page:
        yield page


def test_without_scripts_the_table_is_the_same(browser, index):
    with visit(browser, index) as page, _plain(browser, index) as plain:
        assert rows(plain) == rows(page)
        assert len(names(plain)) == 40
        assert not plain.locator("#search").is_visible()
        assert plain.get_by_role("link", name="left out: 3, with reasons").is_visible()
        assert "1 run · 1,234 detectors" in plain.locator("main .facts").first.inner_text()


def test_sorting_by_a_metric_ranks_by_it_inside_each_section(page, table):
    for label, less in (("F1", False), ("EER", True)):
        sort_by(page, label)
        for place, part in zip(range(len(SECTIONS)), sections(page), strict=True):
            own = [line.cells for line in table.lines if line.section == place]
            _check_section(part, own, AT[label], less, SECTIONS[place].ranked)
        heading = page.get_by_role("columnheader", name=label, exact=True)
        assert heading.get_attribute("aria-sort") == ("ascending" if less else "descending")


def _check_section(part, own, at, less, ranked):
    if less:  # the best one is the least: turn the numbers round
        own = [(*row[:at], _turned(row[at]), *row[at + 1 :]) for row in own]
    ranks = expected(own, at) if ranked else {}
    shown = {row[1].removesuffix(" limited"): row[0] for row in part}
    assert shown == {row[0]: _rank_text(*ranks.get(row[0], (None, False))) for row in own}
    numbers = [row[at + 1].split(" ")[0] for row in part]
    known = [float(number) for number in numbers if number != "–"]
    assert known == sorted(known, reverse=not less)
    assert numbers[len(known) :] == ["–"] * (len(numbers) - len(known))


def _turned(cell):
    return cell and tuple(v and -v for v in (cell[0], cell[2], cell[1]))


def _rank_text(rank, tied):
    return f"{rank or '–'}" + (" ≈1, not distinguishable from rank 1" if tied else "")


def test_sorting_by_what_is_no_metric_leaves_the_ranks(page, table):
    ranks = {line.cells[0]: line.rank for line in table.lines}
    for order in ("descending", "ascending"):
        sort_by(page, "Parameters")
        assert page.locator(f"th[aria-sort={order}]").inner_text().startswith("Parameters")
        sizes = {line.cells[0]: line.cells[AT["Parameters"]] for line in table.lines}
        for part in sections(page):
            own = [row[1].removesuffix(" limited") for row in part]
            assert [sizes[n] for n in own] == sorted(
                (sizes[n] for n in own), reverse=order == "descending"
            )
            assert [row[0].split(" ")[0] for row in part] == [str(ranks[n] or "–") for n in own]


def test_filters(page, table):
    page.get_by_label("quoted from a paper").uncheck()
    assert len(names(page)) == 30
    page.get_by_label("Test set").select_option("DFDC")
    assert len(names(page)) == 10
    assert "10 rows (40 in all)" in page.get_by_role("status").first.inner_text()
    page.get_by_role("button", name="Reset").click()
    assert len(names(page)) == 40
    page.get_by_label("Search").fill("NET 17 celeb")
    page.wait_for_url("**celeb**")
    assert names(page) == ["net 17"]
    assert "1 of 10 rows" in page.locator("tr.section").inner_text()
    page.get_by_label("Search").fill("no such net")
    page.get_by_text("No row is like this").wait_for()
    page.get_by_role("button", name="Reset").click()
    page.get_by_label("AUC at least").fill("0.5")
    page.wait_for_url("**#bound=0.5")
    wanted = {row.cells[0] for row in table.lines if value(row.cells[AT["AUC"]]) >= 0.5}
    assert set(names(page)) == wanted


def test_columns_can_be_hidden_and_shown(page):
    page.get_by_text("Columns", exact=True).click()
    page.get_by_label("F1").uncheck()
    page.get_by_label("Protocol").check()
    heads = [head.split("\n")[0] for head in page.locator("#board thead th").all_inner_texts()]
    assert "F1" not in heads
    assert heads[-1].startswith("Protocol")
    assert rows(page)[1][-1] == "official"
    page.keyboard.press("Escape")
    assert not page.get_by_label("F1").is_visible()


def test_the_link_of_a_row_leads_to_its_page(page):
    page.get_by_role("link", name="net 3", exact=True).click()
    assert page.title() == "net 3"


def test_the_copied_address_shows_the_same_view(browser, page, index):
    sort_by(page, "F1")
    sort_by(page, "F1")
    page.get_by_label("weights as they are").uncheck()
    page.get_by_text("Columns", exact=True).click()
    page.get_by_label("Year").uncheck()
    page.get_by_label("Intervals in every column").check()
    page.get_by_label("Search").fill("net 1")
    page.wait_for_url("**q=net**")
    page.locator("#copy").click()
    page.get_by_text("Copied.").wait_for()
    address = page.locator("#copy").evaluate("link => link.href")
    assert address == page.url
    with visit(browser, index, address[address.index("#") :]) as other:
        assert rows(other) == rows(page)
        assert other.get_by_label("Search").input_value() == "net 1"
        assert not other.get_by_label("weights as they are").is_checked()
        assert "intervals" in other.locator("#board").get_attribute("class")


def test_back_and_forward_restore_views(page):
    first = rows(page)
    sort_by(page, "F1")
    second = rows(page)
    page.go_back()
    assert rows(page) == first
    page.go_forward()
    assert rows(page) == second
    page.evaluate("location.hash = 'main'")  # the skip link's, no view
    assert rows(page) == second


def test_an_address_of_what_is_not_here_says_so(browser, index):
    with visit(browser, index, "#test=UADFV&sort=video/brier&page=9") as page:
        said = page.get_by_role("status").first.inner_text()
        assert "test set “UADFV”, column “video/brier”" in said
        assert len(names(page)) == 40


def test_the_keyboard_reaches_the_headings_and_sorts(page):
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "F1":
            break
    page.keyboard.press("Enter")
    assert page.locator("th[aria-sort=descending]").inner_text().startswith("F1")
    assert page.evaluate("document.activeElement.textContent") == "F1"
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) == "solid"


def test_axe_finds_no_serious_violation(page):
    page.get_by_text("What the columns mean").click()
    page.emulate_media(color_scheme="light")
    assert axe(page) == []
    page.emulate_media(color_scheme="dark")
    assert axe(page, "color-contrast") == []


def test_the_theme_follows_the_system_until_chosen(browser, index):
    paper = "getComputedStyle(document.body).backgroundColor"
    with visit(browser, index, color_scheme="dark") as page:
        dark = page.evaluate(paper)
        page.get_by_role("button", name="Light theme").click()
        light = page.evaluate(paper)
        assert light != dark
        page.reload()
        assert page.evaluate(paper) == light
        page.emulate_media(media="print")
        assert page.evaluate(paper) == "rgb(255, 255, 255)"
        assert not page.locator("#search").is_visible()


def test_a_phone_scrolls_the_table_and_not_the_page(page):
    for width in (390, 360):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") == width
    page.evaluate("document.getElementById('scroll').scrollLeft = 300")
    name = page.get_by_role("rowheader", name="net").first.bounding_box()
    assert name["x"] >= -1
