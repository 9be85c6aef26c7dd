"""The catalogue: cards by name, clashes named, broken plugins listed and never in the way."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pytest
from repository import ROOT

from dfbench.catalogue import hookspecs
from dfbench.catalogue.cards import DetectorCard, FaceDetectorCard
from dfbench.catalogue.names import fill_options, parse_name
from dfbench.catalogue.plugins import HOOKS, Catalogue
from dfbench.errors import NameClashError, OptionError, PluginError, UnknownNameError

DETECTOR = """
from dfbench import DetectorCard, hookimpl

@hookimpl
def dfbench_detectors():
    return [DetectorCard(name="{name}", summary="of {module}", target="torch.nn:Identity")]
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch) -> Callable[..., EntryPoint]:
    """Write a plugin's module; its entry point."""
    monkeypatch.syspath_prepend(tmp_path)
    written: list[str] = []

    def write(name: str, code: str, entry: str | None = None) -> EntryPoint:
        (tmp_path / f"{name}.py").write_text(code)
        written.append(name)
        return EntryPoint(entry or name, name, "dfbench")

    yield write
    for name in written:
        sys.modules.pop(name, None)


def detector(plugin, module: str, name: str = "net", entry: str | None = None) -> EntryPoint:
    return plugin(module, DETECTOR.format(name=name, module=module), entry)


# --- names ----------------------------------------------------------------------------------


def test_a_clash_names_both_plugins_and_the_full_name_settles_it(plugin):
    known = Catalogue(iter([detector(plugin, "one_"), detector(plugin, "two_")]))
    with pytest.raises(NameClashError, match="one_/net or two_/net"):
        known.detector("net")
    assert known.detector("two_/net")[1].summary == "of two_"
    assert known.detector("one_/net")[0].name == "one_"
    with pytest.raises(UnknownNameError):
        known.detector("three_/net")
    assert set(known.cards("detectors")) == {"net"}


def test_two_entry_points_of_one_name_are_both_there_and_can_be_told_apart(plugin):
    known = Catalogue(
        iter([detector(plugin, "one_", entry="same"), detector(plugin, "two_", entry="same")])
    )
    first, second = known.plugins
    assert first == "same"
    with pytest.raises(NameClashError):
        known.detector("net")
    for name, summary in ((first, "of one_"), (second, "of two_")):
        typed, _ = parse_name(f"{name}/net:option=1")  # what stands on the command line
        assert known.detector(typed)[1].summary == summary


def test_an_unknown_name_gives_near_matches_and_the_full_list():
    known = Catalogue()
    with pytest.raises(UnknownNameError, match=r"no detector 'r3d81'\. Did you mean r3d"):
        known.detector("r3d81")
    with pytest.raises(UnknownNameError, match=r"There are: .*dfdc, .*folder, .*sample"):
        known.dataset("zzz")
    with pytest.raises(UnknownNameError, match="no face detector"):
        known.faces("yolo")


def test_an_unknown_name_says_which_plugins_are_broken(plugin):
    known = Catalogue(iter([plugin("broken_", "import nothing_of_that_name")]))
    with pytest.raises(UnknownNameError, match="Left out as broken: broken_"):
        known.detector("its_net")


def test_metrics_of_one_name_stand_side_by_side(plugin):
    code = """
from dfbench import MetricCard, hookimpl

@hookimpl
def dfbench_metrics():
    return [MetricCard(name="m", summary="", target="math:sqrt", higher_is_better=True)]
"""
    known = Catalogue(iter([plugin("one_", code), plugin("two_", code)]))
    assert set(known.metrics()) == {"one_/m", "two_/m"}


# --- broken plugins -------------------------------------------------------------------------

_IMPORT = "from dfbench import hookimpl, DetectorCard\n"
BROKEN = {
    "missing module": ("import nothing_of_that_name", "ModuleNotFoundError: No module named"),
    "raises on import": ("raise RuntimeError('no licence')", "RuntimeError: no licence"),
    "exits on import": ("raise SystemExit(3)", "SystemExit: 3"),
    "syntax error": ("def x(:", "SyntaxError"),
    "unknown hook": (
        _IMPORT + "@hookimpl\ndef dfbench_audio():\n    return []",
        "dfbench_audio, which this dfbench does not know: update dfbench",
    ),
    "unknown argument": (
        _IMPORT + "@hookimpl\ndef dfbench_run_started(spec, colour):\n    pass",
        "colour",
    ),
    "hook raises": (
        _IMPORT + "@hookimpl\ndef dfbench_detectors():\n    return 1 / 0",
        "ZeroDivisionError: division by zero",
    ),
    "hook raises half-way": (
        _IMPORT + "@hookimpl\ndef dfbench_detectors():\n"
        "    yield DetectorCard(name='half', summary='', target='a:b')\n    raise KeyError('x')",
        "KeyError: 'x'",
    ),
    "returns nothing": (_IMPORT + "@hookimpl\ndef dfbench_detectors():\n    pass", "TypeError"),
    "returns no card": (
        _IMPORT + "@hookimpl\ndef dfbench_detectors():\n    return ['net']",
        "TypeError: dfbench_detectors returned 'net', not DetectorCard",
    ),
    "another kind of card": (
        "from dfbench import MetricCard\n" + _IMPORT + "@hookimpl\ndef dfbench_detectors():\n"
        "    return [MetricCard(name='m', summary='', target='a:b', higher_is_better=True)]",
        "not DetectorCard",
    ),
    "name that cannot be typed": (
        _IMPORT + "@hookimpl\ndef dfbench_detectors():\n"
        "    return [DetectorCard(name='a:b', summary='', target='a:b')]",
        "ValueError: card name 'a:b'",
    ),
    "one name twice": (
        _IMPORT + "@hookimpl\ndef dfbench_detectors():\n"
        "    return [DetectorCard(name='n', summary='', target='a:b')] * 2",
        "ValueError: dfbench_detectors returned two cards called 'n'",
    ),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_plugin_is_listed_with_its_reason_and_the_rest_works(plugin, how):
    """Fault 19."""
    code, reason = BROKEN[how]
    found = [plugin("a_broken_", code), detector(plugin, "works_"), plugin("z_broken_", code)]
    known = Catalogue(iter(found))
    assert list(known.cards("detectors")) == ["net"]
    assert known.detector("net")[1].summary == "of works_"
    assert known.plugins["works_"].broken is None
    for name in ("a_broken_", "z_broken_"):
        assert reason in (known.plugins[name].broken or "")
    for kind in HOOKS:
        known.cards(kind)
    known.notify("dfbench_run_started", print, spec=None, folder=None)


def test_a_card_that_points_nowhere_is_named_when_used(plugin):
    plugin("raises_", "1 / 0")
    for target in (
        "nothing_of_that_name:X",
        "dfbench.catalogue.cards:Nothing",
        "dfbench.catalogue.cards",
        ":",
        "raises_:X",
    ):
        card = DetectorCard(name="net", summary="", target=target)
        with pytest.raises(PluginError, match="'net' points to"):
            card.resolve()


# --- listeners ------------------------------------------------------------------------------

_LISTENER = """
from dfbench import hookimpl
heard = []

@hookimpl
def dfbench_run_started(spec, folder):
    heard.append((spec, folder))
    {then}

@hookimpl
def dfbench_progress(values):
    heard.append(values)
"""


def test_a_listener_that_raises_is_reported_and_the_others_still_hear(plugin):
    names = {"a_": "", "b_": "raise ValueError('tracking is down')", "c_": ""}
    known = Catalogue(
        iter([plugin(name, _LISTENER.format(then=then)) for name, then in names.items()])
    )
    reports: list[str] = []
    known.notify("dfbench_run_started", reports.append, spec="s", folder=Path("f"))
    assert reports == ["b_: dfbench_run_started failed: ValueError: tracking is down"]
    assert all(sys.modules[name].heard == [("s", Path("f"))] for name in names)
    assert known.plugins["b_"].broken is None


def test_a_listener_may_take_fewer_arguments_than_are_offered(plugin):
    known = Catalogue(iter([plugin("few_", _LISTENER.format(then=""))]))
    known.notify("dfbench_progress", print, spec="s", step=3, values={"loss": 1.0})
    assert sys.modules["few_"].heard == [{"loss": 1.0}]


# --- what is built in -----------------------------------------------------------------------


def test_built_ins_come_in_through_entry_points_alone():
    assert Catalogue(iter([])).cards("detectors") == {}
    known = Catalogue()
    installed = {entry.name for entry in entry_points(group="dfbench")}
    assert set(known.plugins) == installed


@pytest.mark.parametrize("kind", HOOKS)
def test_every_built_in_card_loads_and_says_what_it_is(kind):
    known = Catalogue()
    for name, offers in known.cards(kind).items():
        for plugin, card in offers.items():
            assert known.find(kind, f"{plugin}/{name}")[1] is card
            assert callable(card.resolve()) or kind == "protocols", name
            assert card.summary, name
            assert "\n" not in card.summary
            assert hash(card.target)
            if isinstance(card, DetectorCard | FaceDetectorCard):
                assert card.licence or not card.weights, name


def test_every_hook_is_documented():
    hooks = {n: f for n, f in vars(hookspecs).items() if n.startswith("dfbench_")}
    assert all((hook.__doc__ or "").strip() for hook in hooks.values())
    page = (ROOT / "docs" / "hooks.md").read_text()
    assert set(re.findall(r"^### `(dfbench_\w+)", page, re.MULTILINE)) == set(hooks)


# --- names with options ---------------------------------------------------------------------


def test_options_are_read_as_the_type_of_their_default():
    defaults = {"width": 1.0, "depth": 3, "deep": False, "name": "x"}
    given = {"width": "2", "depth": "4", "deep": "TRUE", "name": "a=b"}
    filled = fill_options("net", defaults, given)
    assert filled == {"width": 2.0, "depth": 4, "deep": True, "name": "a=b"}
    assert list(map(type, filled.values())) == [float, int, bool, str]
    for key, value in (("depth", "1.5"), ("deep", "yes"), ("width", "")):
        with pytest.raises(OptionError, match=f"net.*{key}"):
            fill_options("net", defaults, {key: value})
    with pytest.raises(OptionError, match=r"net has no option 'heigth'; its options: width=1\.0"):
        fill_options("net", defaults, {"heigth": "1"})


@pytest.mark.parametrize("text", ["net:width", "net:=3", "net:a=1,b"])
def test_options_written_wrongly(text):
    with pytest.raises(OptionError, match="key=value"):
        parse_name(text)


def test_options_written_right():
    assert parse_name("net") == ("net", {})
    assert parse_name("p/net:a=1, b=x=y") == ("p/net", {"a": "1", "b": "x=y"})


def test_face_detectors_come_in_through_their_hook_too():
    import dfbench_faces
    from dfbench.catalogue.plugins import open_catalogue

    for card in dfbench_faces.dfbench_face_detectors():
        plugin, found = open_catalogue().faces(card.name)
        assert (plugin.name, found) == ("faces", card)
