"""Protocols: files that fix a matrix, and what was published of it."""

from __future__ import annotations

import csv
import json
import sys
import tomllib
from importlib.metadata import EntryPoint
from importlib.resources import files

import pytest
from small_grids import FRAME

import dfbench
from dfbench.catalogue.plugins import Catalogue, open_catalogue
from dfbench.errors import OptionError, PluginError
from dfbench.evaluate.generalisation import Entry, Grid
from dfbench.evaluate.published import Quoted, compare
from dfbench.matrix import sweep
from dfbench.matrix.protocol_file import load_protocol, parse_protocol

SHIPPED = ("spatiotemporal-2021", "ffpp-cross")
SMALL = """
name = "small"
train = ["folder"]
test = ["folder", "uadfv"]
seeds = [0, 1]
metrics = ["frame/auc", "video/auc"]

[settings]
faces = "center"
epochs = 1
batch_size = 64

[[detectors]]
title = "Tiny"
name = "resnet18"
options = { size = 32, width = 0.0625 }
settings = { weights = "none" }

[[published]]
detector = "Tiny"
train = "folder"
test = "uadfv"
metric = "auc"
level = "video"
value = 0.25
source = "a paper"

[[published]]
detector = "Tiny"
train = "folder"
test = "folder"
metric = "auc"
level = "video"
value = 0.5
source = "a paper"
differs = "twice as wide"
"""


def parse(text: str):
    return parse_protocol(text, "p.toml", open_catalogue())


def test_what_a_protocol_says():
    found = parse(SMALL)
    assert (found.name, found.trains, found.tests) == ("small", ("folder",), ("folder", "uadfv"))
    (part,) = found.parts(device="cpu")
    assert (part.title, part.trains) == ("Tiny", ("folder",))
    asked = part.asked
    assert asked.detector == FRAME
    assert (asked.faces, asked.epochs, asked.weights, asked.device) == ("center", 1, "none", "cpu")
    assert asked.protocol == f"small@{found.digest}"


def test_the_hash_is_of_what_it_says_and_not_of_how():
    first = parse(SMALL).digest
    assert len(first) == 12
    other = "# a remark\n" + SMALL.replace('name = "small"\n', "").replace(
        "seeds = [0, 1]", 'seeds = [\n 0,\n 1 ]\nname = "small"'
    )
    assert parse(other).digest == first
    for change in (("epochs = 1", "epochs = 2"), ("0.25", "0.26"), ("[0, 1]", "[1, 0]")):
        assert parse(SMALL.replace(*change)).digest != first


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("seeds =", "seed =", "unknown key 'seed': did you mean seeds"),
        ("epochs = 1", "epoch = 1", "settings: unknown key 'epoch': did you mean epochs"),
        ("epochs = 1", 'epochs = "1"', "settings: epochs must be a whole number, not '1'"),
        ("epochs = 1", "epochs = true", "settings: epochs must be a whole number, not True"),
        ('title = "Tiny"', 'titel = "Tiny"', "detectors[1]: unknown key 'titel'"),
        ('name = "resnet18"', 'name = "resnet17"', "no detector 'resnet17'. Did you mean"),
        ('name = "resnet18"', "", "detectors[1]: name is missing"),
        ("size = 32", "sise = 32", "resnet18 has no option 'sise'"),
        ("size = 32", "size = 2020-01-01", "detectors[1].options: size must be a text"),
        ('train = ["folder"]', 'train = "folder"', "train must be a list, not 'folder'"),
        ('train = ["folder"]', "train = [1]", "train must be a list of texts"),
        ('test = ["folder", "uadfv"]', 'test = ["none"]', "test: none is no dataset"),
        ('"uadfv"]', '"uadv"]', "no dataset 'uadv'. Did you mean uadfv"),
        ("[0, 1]", "[0, -1]", "seeds must be whole numbers from 0"),
        ("[0, 1]", "[]", "seeds must be whole numbers from 0"),
        ('"frame/auc"', '"frame/auk"', "no metric 'frame/auk'"),
        ('level = "video"', 'level = "movie"', "no metric 'movie/auc'"),
        ('detector = "Tiny"', 'detector = "Tony"', "no detector has the title 'Tony'"),
        ("value = 0.25", "", "published[1]: value is missing"),
        ('faces = "center"', 'faces = "centre"', "no face detector 'centre'"),
        ('name = "small"', 'name = "sm all"', "name 'sm all' may not hold"),
        ("[settings]", "[settings", "is no TOML"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(old, new, says):
    assert old in SMALL
    with pytest.raises(OptionError) as error:
        parse(SMALL.replace(old, new, 1))
    assert str(error.value).startswith("p.toml")
    assert says in str(error.value)


def test_two_detectors_of_one_title():
    twice = SMALL + '[[detectors]]\ntitle = "Tiny"\nname = "meso4"\n'
    with pytest.raises(OptionError, match="two detectors have the title 'Tiny'"):
        parse(twice)


# --- from plugins ---------------------------------------------------------------------------

_PLUGIN = """
from dfbench import ProtocolCard, hookimpl

@hookimpl
def dfbench_protocols():
    return [ProtocolCard(name="small", summary="s", target="dfbench_lab:{file}")]
"""


@pytest.mark.parametrize("file", ["small.toml", "gone.toml"])
def test_a_plugin_brings_one(tmp_path, monkeypatch, file):
    package = tmp_path / "dfbench_lab"
    package.mkdir()
    (package / "__init__.py").write_text(_PLUGIN.format(file=file))
    (package / "small.toml").write_text('name = "small"\ntrain = []\n')
    monkeypatch.syspath_prepend(tmp_path)
    known = Catalogue(iter([EntryPoint("lab", "dfbench_lab", "dfbench")]))
    try:
        assert list(known.cards("protocols")) == ["small"]
        missing = file == "gone.toml"
        with pytest.raises(PluginError if missing else OptionError, match=file):
            load_protocol("small", known)
    finally:
        sys.modules.pop("dfbench_lab", None)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_ones_are_listed_shown_and_right(command, name):
    listed = json.loads(command("list", "protocols", "--json").stdout)["protocols"]
    assert name in [row["name"] for row in listed]
    found = load_protocol(name, open_catalogue())
    assert found.digest in command("show", name).stdout
    for part in found.parts():
        _, card = open_catalogue().detector(part.asked.detector.partition(":")[0])
        names = {"none", *(w.name for w in card.weights)}
        assert part.asked.weights is None or part.asked.weights in names


def test_they_quote_what_was_published(shared):
    rows = list(csv.DictReader((shared / "reference/published.csv").open()))
    for name, source in zip(SHIPPED, ("spatiotemporal-2021", "deepfakebench-2023"), strict=True):
        table = tomllib.loads(files("dfbench_protocols").joinpath(f"{name}.toml").read_text())
        known = [
            (r["level"], r["metric"], float(r["value"])) for r in rows if r["source"] == source
        ]
        quoted = [
            (p["level"], p["metric"], p["value"])
            for p in table["published"]
            if p["source"] == source
        ]
        assert sorted(quoted) == sorted(known)


# --- doing ----------------------------------------------------------------------------------


def of_protocol(settings):
    """The options that say where and how; the rest is the protocol's."""
    machine = ("--data-root", "--cache", "--device", "--workers")
    return [option for option in settings if option.startswith(machine)]


def test_published_stands_beside_here(command, settings, here, tmp_path):
    file = tmp_path / "small.toml"
    file.write_text(SMALL)
    args = ["matrix", f"--protocol={file}", *of_protocol(settings), f"--out={tmp_path / 'runs'}"]
    done = command(*args)
    assert done.exit_code == 0, done.output
    digest = parse(SMALL).digest
    folder = tmp_path / "runs/matrix" / f"small-{digest}"
    results = [dfbench.load_result(file) for file in (tmp_path / "runs").rglob("result.json")]
    assert {result.spec.protocol for result in results} == {f"small@{digest}"}
    rows = {(r["test"], r["metric"]): r for r in csv.DictReader((folder / "published.csv").open())}
    away = rows["uadfv", "video/auc"]
    here_mean = (
        sum(r.metric("video/auc").value for r in results if r.spec.test.dataset == "uadfv") / 2
    )
    assert float(away["here"]) == pytest.approx(here_mean)
    assert float(away["difference"]) == pytest.approx(here_mean - 0.25)
    assert rows["uadfv", "frame/auc"]["published"] == ""
    home = rows["folder", "video/auc"]
    assert (home["published"], home["difference"]) == ("0.5", "")
    assert home["note"] == "twice as wide"
    assert (folder / "frame-auc.png").is_file()
    assert f"small@{digest}" in done.stdout
    assert "0.250" in done.stdout
    look = command(*args, "--limit=6", "--dry-run", "--json")
    assert {row["state"] for row in json.loads(look.stdout)["cells"]} == {"to do"}
    assert len(here) == 2


def test_a_limited_one_is_a_quick_look(command, settings, tmp_path, monkeypatch):
    monkeypatch.setattr(sweep, "do", lambda *_: "not done")
    file = tmp_path / "small.toml"
    file.write_text(SMALL)
    done = command(
        "matrix",
        f"--protocol={file}",
        *of_protocol(settings),
        "--limit=6",
        f"--out={tmp_path / 'runs'}",
    )
    assert "a quick look: at most 6 videos a split, not the protocol" in done.stdout
    assert (tmp_path / f"runs/matrix/small-{parse(SMALL).digest}-limit-6").is_dir()


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("--epochs=2", "--epochs contradicts the protocol small, which fixes epochs 1"),
        ("--seed=3", "--seed contradicts the protocol small, which fixes seeds 0, 1"),
        ("--lr=0.1", "contradicts the protocol small, which leaves it to the detectors' cards"),
        ("--detector=meso4", "--detector contradicts the protocol small"),
        ("--test=uadfv", "--test contradicts the protocol small"),
        ("--compression=c40", "--compression contradicts the protocol small"),
        ("--perturb=jpeg", "--perturb contradicts the protocol small"),
    ],
)
def test_options_that_contradict_it_are_refused(command, tmp_path, option, says):
    file = tmp_path / "small.toml"
    file.write_text(SMALL)
    done = command("matrix", f"--protocol={file}", option, f"--out={tmp_path / 'runs'}")
    assert done.exit_code == 1
    assert says in done.stderr


def test_options_that_say_the_same_are_taken(command, settings, tmp_path):
    file = tmp_path / "small.toml"
    file.write_text(SMALL)
    same = ["--epochs=1", "--seed=0", "--seed=1", "--faces=center"]
    done = command(
        "matrix",
        f"--protocol={file}",
        *same,
        *of_protocol(settings),
        "--dry-run",
        f"--out={tmp_path / 'runs'}",
    )
    assert done.exit_code == 0, done.output


# --- beside each other ----------------------------------------------------------------------


def quoted(level="video", value=0.8, **more):
    return Quoted(
        source="s",
        train="a",
        test="a",
        level=level,
        metric="auc",
        value=value,
        detector="net",
        **more,
    )


def grid(metric, value=0.9):
    values = {} if value is None else {0: value}
    lacking = {0: "gone"} if value is None else {}
    return Grid("net", metric, ("a",), ("a",), {("a", "a"): Entry(True, values, lacking)})


def test_levels_are_never_mixed():
    (line,) = compare([grid("video/auc")], [quoted("frame")])
    assert (line.published.value, line.difference) == (0.8, None)
    assert line.note == "published per frame, not per video"
    # Where the level has a line of its own the number stands there alone.
    video, frame = compare([grid("video/auc"), grid("frame/auc", 0.7)], [quoted("frame")])
    assert (video.published, video.note) == (None, "")
    assert frame.difference == pytest.approx(-0.1)
    (line,) = compare([grid("video/auc")], [quoted("frame", 0.1), quoted("video")])
    assert line.difference == pytest.approx(0.1)


def test_no_difference_to_what_failed_or_differs_or_is_not_known():
    for found in (
        compare([grid("video/auc", None)], [quoted()]),
        compare([grid("video/auc")], [quoted(differs="wider")]),
        compare([grid("video/auc")], []),
        compare([grid("video/f1")], [quoted()]),
    ):
        assert [line.difference for line in found] == [None]
