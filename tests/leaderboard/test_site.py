"""The site as files: what is on which page, that no name does harm, and that it stays small."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from browser import axe, visit
from made_runs import SAMPLE, add, make_spec, put, scores_of

from dfbench.errors import ResourceError
from dfbench.files import write_json
from dfbench.results.spec import IMPORTED
from dfbench_leaderboard.rows.sources import Sources
from dfbench_leaderboard.site.build import Built, build
from dfbench_leaderboard.site.contents import slug

EVIL = "<script>alert(1)</script>"
PATH = "a'b\"c/../../etc"


def make_site(folder: Path) -> tuple[Path, Built]:
    """Two detectors, two test sets, two seeds; one run that failed, one tampered with, one
    perturbed, one of hostile names."""
    runs = folder / "runs"
    control = replace(SAMPLE, dataset="sample-control")
    for seed in (0, 1):
        for detector, auc in (("meso4", 0.85), ("r3d18", 0.8)):
            add(runs, make_spec(detector, seed), auc + seed / 100)
            add(runs, make_spec(detector, seed, test=control), 0.5)
    add(runs, make_spec("meso4", variant="blur=2"), 0.6)
    add(runs, make_spec("failed"), status="failed", error="the <b>loss</b> is nan", metrics=())
    tampered = add(runs, make_spec("tampered"), 0.6)
    data = json.loads((tampered / "result.json").read_text())
    data["metrics"][0]["value"] = 0.999
    write_json(tampered / "result.json", data)
    rows = [
        replace(row, video=f"{EVIL}{row.video}", method=row.method and EVIL)
        for row in scores_of(0.7, "<i>set</i>")
    ]
    evil = make_spec(EVIL, test=replace(SAMPLE, dataset="<i>set</i>", options={"root": PATH}))
    put(runs, evil, rows, notes=("a note with <b>HTML</b> & \x1b[2J",))
    return folder / "site", build(Sources((runs,)), folder / "site", title="A & B")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_site(tmp_path_factory.mktemp("site"))[0]


class Page(HTMLParser):
    """The links, texts and elements of a page."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(file.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.add(name)
            if name in ("href", "src") and value:
                self.links.append(value)

    def handle_data(self, data: str) -> None:
        self.text += data


def pages(site: Path) -> list[Path]:
    return sorted(site.rglob("*.html"))


def test_what_was_built_is_said(tmp_path: Path) -> None:
    _, built = make_site(tmp_path)
    assert (built.runs, built.rejected, built.left_out) == (10, 1, 1)
    assert "10 runs, 1 rejected and 1 left out" in built.line()


def test_every_link_leads_to_a_file_of_the_site(site: Path) -> None:
    found = 0
    for page in pages(site):
        for link in Page(page).links:
            target = link.partition("#")[0]
            if target and target != "data:,":
                assert (page.parent / unquote(target)).resolve().is_file(), (page.name, link)
                found += 1
    assert found > 100


def test_every_run_detector_and_test_set_has_a_page(site: Path) -> None:
    assert len(list((site / "runs").iterdir())) == 10
    assert {p.stem for p in (site / "detectors").iterdir()} == {"meso4", "r3d18", slug(EVIL)}
    assert len(list((site / "datasets").iterdir())) == 3
    assert "1 frame of 256 px, 32 a video" in Page(site / "detectors" / "meso4.html").text
    assert "16 frames of 112 px, 4 a video" in Page(site / "detectors" / "r3d18.html").text


def test_the_failed_and_the_tampered_are_listed_with_the_reason(site: Path) -> None:
    text = Page(site / "left-out.html").text
    assert "video/accuracy@0.5 is" in text
    assert "not 0.999" in text
    assert "failed: the <b>loss</b> is nan" in text
    front = Page(site / "index.html").text
    assert "tampered" not in front
    assert "left out: 2, with reasons" in front


def test_no_name_becomes_markup_on_any_page(site: Path) -> None:
    for page in pages(site):
        seen = Page(page)
        assert not {"b", "i"} & seen.tags - ({"b"} if page.name == "index.html" else set())
        assert not {name for name in seen.attributes if name.startswith("on")}
        assert "\x1b" not in page.read_text("utf-8")
        assert EVIL not in page.read_text("utf-8")
    shown = [page.name for page in pages(site) if EVIL in Page(page).text]
    assert len(shown) >= 4  # the front page, its run, its detector, its test set


def test_a_page_of_a_run_says_all_of_it(site: Path) -> None:
    spec = make_spec("meso4", 1)
    spec = replace(spec, test=replace(spec.test, videos=40))
    page = site / "runs" / f"{spec.run_id}.html"
    text = Page(page).text
    again = "dfbench run --detector meso4 --train sample --test sample --weights none"
    for part in (
        spec.run_id,
        spec.model.model_id,
        spec.test.fingerprint,
        "decord",
        "seed",
        again,
        "1 frame, ",
        "most confident mistakes",
        "method: swap",
        "real/",
        "sha256 of pred",
    ):
        assert part in text, part
    assert page.read_text().count("<svg") == 4


def test_quoted_numbers_are_marked_and_have_no_rank(site: Path) -> None:
    data = json.loads((site / "data.js").read_text().removeprefix("window.DFBENCH = ")[:-2])
    quoted = [i for i, s in enumerate(data["sections"]) if s["kind"] == "quoted from a paper"]
    assert quoted
    assert not any(data["sections"][i]["ranked"] for i in quoted)
    lines = [line for line in data["lines"] if line[0] in quoted]
    assert lines
    assert all(line[2] is None for line in lines)


def test_perturbed_tests_are_in_no_ranking_but_in_the_robustness_chart(site: Path) -> None:
    data = json.loads((site / "data.js").read_text().removeprefix("window.DFBENCH = ")[:-2])
    ranked = [line for line in data["lines"] if data["sections"][line[0]]["ranked"]]
    assert len(ranked) == 5
    assert "blur" in Page(site / "detectors" / "meso4.html").text


def test_a_site_is_replaced_and_nothing_else_is(tmp_path: Path) -> None:
    add(tmp_path / "runs", make_spec("a"))
    out = tmp_path / "site"
    build(Sources((tmp_path / "runs",)), out)
    first = set(out.rglob("*.html"))
    add(tmp_path / "runs", make_spec("b"))
    build(Sources((tmp_path / "runs",)), out)
    assert len(set(out.rglob("*.html")) - first) == 2
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.tex").write_text("years of work")
    with pytest.raises(ResourceError, match="no site of dfbench"):
        build(Sources((tmp_path / "runs",)), mine)
    assert (mine / "thesis.tex").read_text() == "years of work"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine", "runs", "site"]


def test_of_a_run_at_two_places_the_page_shows_the_later_one(tmp_path: Path) -> None:
    spec = make_spec("a")
    add(tmp_path / "a", spec, 0.9, provenance={"ended": "2026-02-02"})
    add(tmp_path / "b", spec, 0.6, provenance={"ended": "2026-01-01"})
    build(Sources((tmp_path / "a", tmp_path / "b")), tmp_path / "site")
    (page,) = (tmp_path / "site" / "runs").iterdir()
    assert "0.900" in Page(page).text


def test_imported_scores_have_their_own_section(tmp_path: Path) -> None:
    spec = make_spec("theirs", train=None)
    options = {"level": "frame", "scores": "0"}
    spec = replace(spec, model=replace(spec.model, plugin=IMPORTED, options=options))
    folder = add(tmp_path / "runs", spec, 0.8)
    build(Sources((tmp_path / "runs",)), tmp_path / "site")
    text = Page(tmp_path / "site" / "runs" / f"{folder.name}.html").text
    assert "imported scores" in text
    assert "dfbench score --import FILE.csv --dataset sample --name theirs --level frame" in text


def test_a_hundred_runs_take_less_than_two_megabytes(tmp_path: Path) -> None:
    rows = scores_of(0.8)
    for number in range(100):
        spec = make_spec(f"detector{number % 10}", number // 10)
        put(tmp_path / "runs", spec, rows, validation=rows)
    build(Sources((tmp_path / "runs",)), tmp_path / "site")
    files = [file for file in (tmp_path / "site").rglob("*") if file.is_file()]
    assert len(files) > 110
    assert sum(file.stat().st_size for file in files) < 2_000_000


def test_a_dataset_at_hand_says_which_runs_are_of_it(tmp_path: Path, make_video: Any) -> None:
    data = tmp_path / "data"
    for row in scores_of(0.8):
        make_video(data / f"{row.video}.mp4", frames=2, size=(16, 16))
    rows = [
        replace(
            row,
            video=f"{row.video}.mp4",
            dataset="folder",
            group=f"{row.video}.mp4",
            method="fake" if row.label else None,
        )
        for row in scores_of(0.8)
    ]
    spec = make_spec("honest", test=replace(SAMPLE, dataset="folder"))
    put(tmp_path / "runs", spec, rows)
    cheat = make_spec("cheat", test=replace(SAMPLE, dataset="folder", fingerprint="b" * 64))
    turned = [replace(rows[0], label=1), *rows[1:-1], replace(rows[-1], label=0)]
    put(tmp_path / "runs", cheat, turned)
    built = build(Sources((tmp_path / "runs",)), tmp_path / "site", data_roots={"folder": data})
    assert (built.runs, built.rejected) == (1, 1)
    assert "2 videos are of another label" in Page(tmp_path / "site" / "left-out.html").text


# --- in a browser, from the disk --------------------------------------------------------------


def test_a_reader_finds_a_run_and_shares_the_view(browser: Any, site: Path) -> None:
    with visit(browser, site / "index.html") as page:
        page.get_by_label("Test set").select_option("sample")
        page.get_by_label("quoted from a paper").uncheck()
        page.get_by_role("button", name="F1", exact=True).click()
        page.get_by_label("Search").fill("meso")
        page.wait_for_url("**meso**")
        shown = page.locator("#board tbody th[scope=row] a").all_inner_texts()
        assert shown == ["meso4"]
        address = page.url
        page.get_by_role("link", name="meso4").first.click()
        page.wait_for_url("**/runs/**")
        assert page.locator("h1").inner_text() == "meso4 on sample"
        page.get_by_role("link", name="the test set").click()
        assert page.locator("h1").inner_text() == "Tested on sample"
    with visit(browser, site / "index.html", address[address.index("#") :]) as page:
        assert page.locator("#board tbody th[scope=row] a").all_inner_texts() == ["meso4"]


def test_no_hostile_name_does_anything_in_a_browser(browser: Any, site: Path) -> None:
    """``visit`` fails for a dialog, an error, or a request for anything but files."""
    hostile = [page for page in pages(site) if EVIL in Page(page).text]
    assert {page.parent.name for page in hostile} >= {"runs", "detectors", "datasets"}
    for file in hostile:
        with visit(browser, file) as page:
            assert page.locator("h1").count() == 1, file


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_violation(browser: Any, site: Path, scheme: str) -> None:
    spec = make_spec("meso4")
    run = replace(spec, test=replace(spec.test, videos=40)).run_id
    for name in (
        "index.html",
        f"runs/{run}.html",
        "datasets/sample.html",
        "left-out.html",
        "detectors/meso4.html",
        "generalisation.html",
    ):
        with visit(browser, site / name, color_scheme=scheme) as page:
            rules = ("color-contrast",) if scheme == "dark" else ()
            assert axe(page, *rules) == [], name


def test_a_page_of_a_run_fits_on_a_phone(browser: Any, site: Path) -> None:
    file = next((site / "runs").iterdir())
    with visit(browser, file, viewport={"width": 390, "height": 800}) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
