"""What is written is true: every hook documented and tested, README's commands, the example."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import click
import pytest
import torch
from repository import ROOT

from dfbench.catalogue import hookspecs
from dfbench.catalogue.plugins import HOOKS, open_catalogue
from dfbench.cli import _add_commands, cli

NAMES = [name for name in dir(hookspecs) if name.startswith("dfbench_")]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("hook", NAMES)
def test_every_hook_is_documented_and_tested(hook):
    assert getattr(hookspecs, hook).__doc__
    assert f"### `{hook}(" in (ROOT / "docs/hooks.md").read_text("utf-8")
    tests = [p for p in (ROOT / "tests").rglob("test_*.py") if p.name != "test_docs.py"]
    assert any(hook in test.read_text("utf-8") for test in tests), f"no test names {hook}"


@pytest.mark.parametrize("kind", HOOKS)
def test_every_card_loads(kind):
    for name, offers in open_catalogue().cards(kind).items():
        for card in offers.values():
            assert card.resolve(), name
            assert card.summary, name
            if kind == "datasets" and card.generate is None:
                assert card.how_to_get, f"{name} must say how to get it"
            if kind == "detectors":
                assert card.paper, name
                assert card.licence, name


def commands(page: Path):
    """``dfbench …`` lines of the page's shell blocks, with continued lines joined."""
    for block in re.findall(r"```(?:sh|console)\n(.*?)```", page.read_text("utf-8"), re.S):
        for line in block.replace("\\\n", " ").splitlines():
            line = line.removeprefix("$ ").partition(" #")[0]
            for part in line.split("&&"):
                words = shlex.split(part)
                if words[:1] == ["dfbench"]:
                    yield words[1:]


@pytest.fixture(scope="module")
def whole_cli():
    if "run" not in cli.commands:
        _add_commands()
    return cli


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_the_docs_are_taken(page, whole_cli):
    for words in commands(page):
        command, context = whole_cli, click.Context(whole_cli)
        while isinstance(command, click.Group) and words and words[0] in command.commands:
            command = command.commands[words[0]]
            context = command.make_context(words[0], list(words[1:]), parent=context)
            words = words[1:]
        assert command is not whole_cli, words
        asked = context.params
        for kind, value in (
            ("detectors", asked.get("detector")),
            ("datasets", asked.get("dataset")),
        ):
            if value:
                open_catalogue().find(kind, value.partition(":")[0])


def test_readme_names_the_two_commands():
    text = (ROOT / "README.md").read_text("utf-8")
    assert "pip install . && dfbench run --detector meso4 --dataset sample\n" in text
    assert "pip install tox && tox\n" in text


def test_the_plugin_in_the_docs_works(tmp_path, monkeypatch):
    text = (ROOT / "docs/plugins.md").read_text("utf-8")
    toml, init, network = re.findall(r"```(?:toml|python)\n(.*?)```", text, re.S)[:3]
    lines = [line for block in (toml, init, network) for line in block.splitlines() if line]
    assert len(lines) < 30
    package = tmp_path / "dfbench_brightness"
    package.mkdir()
    (package / "__init__.py").write_text(init)
    (package / "network.py").write_text(network)
    monkeypatch.syspath_prepend(tmp_path)
    import dfbench_brightness

    from dfbench.detector.network import build_detector

    (card,) = dfbench_brightness.dfbench_detectors()
    detector = build_detector(card, {})
    assert detector(torch.rand(2, 3, 1, 64, 64)).shape == (2,)
    for name in ("dfbench_brightness", "dfbench_brightness.network"):
        sys.modules.pop(name, None)


def test_the_page_of_detectors_is_what_their_cards_say(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs")
    from make_tables import PAGE, table

    assert table() in PAGE.read_text("utf-8"), "run docs/make_tables.py"


def test_every_public_name_is_exported():
    import dfbench

    for name in dfbench.__all__:
        assert getattr(dfbench, name) is not None, name


def test_the_changelog_knows_this_version():
    import dfbench

    assert f"## {dfbench.__version__}" in (ROOT / "CHANGELOG.md").read_text("utf-8")
