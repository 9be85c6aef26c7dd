"""The command line: quick to start, one JSON object, one line for what the user can mend."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from one_line import error

from dfbench import __version__
from dfbench.catalogue.names import parse_name

KINDS = ("detectors", "datasets", "metrics", "faces", "plugins", "runs")


# --- start ----------------------------------------------------------------------------------

_QUICK = """
import sys
sys.argv = ["dfbench", *{args!r}]
from dfbench.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
heavy = {{"torch", "mlflow", "cv2", "av", "pandas", "sklearn", "numpy", "matplotlib"}}
print("loaded:", sorted(heavy & set(sys.modules)), file=sys.stderr)
"""


@pytest.mark.parametrize(
    "args",
    [
        ["--help"],
        ["run", "--help"],
        ["--version"],
        ["list", "plugins"],
        ["list", "detectors"],
        ["list", "metrics", "--json"],
    ],
)
def test_nothing_heavy_is_imported_for_help_and_lists(args):
    code = _QUICK.format(args=args)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == "loaded: []", done.stderr


def test_help_is_there_in_half_a_second(cli):
    """Or, on a machine that is slow or busy, in six times what Python with click needs there."""
    bare, seconds = [], []
    while len(seconds) < 20 and (not seconds or min(seconds) >= max(0.5, 6 * min(bare))):
        bare.append(timed(lambda: subprocess.run([sys.executable, "-c", "import click"])))
        seconds.append(timed(lambda: cli("--help")))
    assert min(seconds) < max(0.5, 6 * min(bare))


def timed(work):
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def test_help_names_the_commands(cli):
    done = cli("--help")
    assert done.returncode == 0
    assert all(
        name in done.stdout for name in ("run", "prepare", "list", "show", "weights", "doctor")
    )


def test_version(cli):
    assert __version__ in cli("--version").stdout


# --- reading commands -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_list(command, kind):
    shown, asked = command("list", kind), command("list", kind, "--json")
    assert (shown.exit_code, asked.exit_code) == (0, 0)
    (found,) = json.loads(asked.stdout).items()
    assert found[0] == kind
    for row in found[1]:
        assert row["name"]
        assert row["summary"]
        assert row["name"] in shown.stdout
    expected = {
        "detectors": {"meso4", "mesoinception4", "r3d18", "r3d50", "r3d101"},
        "datasets": {"folder", "dfdc", "sample", "sample-control"},
        "metrics": {"auc", "average_precision", "eer", "accuracy", "precision", "recall", "f1"},
        "faces": {"given", "center", "yunet"},
        "plugins": {"mesonet", "resnet3d", "metrics", "faces", "yunet", "folder", "dfdc", "sample"},
        "runs": set(),
    }
    assert {row["name"] for row in found[1]} >= expected[kind]


def test_no_built_in_plugin_is_broken(command):
    rows = json.loads(command("list", "plugins", "--json").stdout)["plugins"]
    assert [row for row in rows if row["broken"]] == []


def test_show(command):
    text = command("show", "meso4").stdout
    assert "27,977" in text
    assert "Apache-2.0" in text
    (card,) = json.loads(command("show", "r3d18:width=0.0625", "--json").stdout)["cards"]
    assert card["clip"]["frames"] == 16
    assert next(iter(card["stages from the top"])) == "head"
    assert sum(card["stages from the top"].values()) == card["parameters"] < 1_000_000
    for name in ("dfdc", "auc", "yunet"):
        assert command("show", name).exit_code == 0
    assert "Did you mean meso4" in error(command("show", "meso"))


def test_doctor(command):
    found = json.loads(command("doctor", "--json").stdout)
    assert found["dfbench"] == __version__
    assert found["codecs"]["H.264 encoding"] == "works"
    assert all(value == "works" for value in found["codecs"].values())
    assert found["plugins"]["mesonet"] == "works"
    assert "torch" in found["versions"]
    assert command("doctor").exit_code == 0


def test_weights_list_add_verify(command, shared, tmp_path):
    def listed() -> dict:
        rows = json.loads(command("weights", "list", "--json").stdout)["weights"]
        return {(row["owner"], row["name"]): row["here"] for row in rows}

    assert listed()["yunet", "2023mar"] is False
    file = shared / "data" / "weights" / "yunet" / "face_detection_yunet_2023mar.onnx"
    added = command("weights", "add", "yunet", "2023mar", file)
    assert added.exit_code == 0
    assert listed()["yunet", "2023mar"] is True
    assert "yunet 2023mar: right" in command("weights", "verify").stdout
    Path(added.stdout.split(" sha256 ")[0]).write_bytes(b"changed")
    result = command("weights", "verify")
    assert result.exit_code == 1
    assert "sha256" in result.stderr
    (tmp_path / "x").write_bytes(b"other")
    assert "sha256" in error(command("weights", "add", "yunet", "2023mar", tmp_path / "x"))
    assert "there are: 2023mar" in error(command("weights", "fetch", "yunet", "2024"))
    assert "meso4" in error(command("weights", "fetch", "meso", "x"))


def test_a_data_root_can_be_kept(command, videos, tmp_path):
    missing = command("prepare", "folder", "--faces", "center")
    assert "dfbench data root folder DIR" in error(missing)
    assert command("data", "root", "folder", videos).exit_code == 0
    assert command("prepare", "folder", "--faces", "center", "--workers", 1).exit_code == 0
    assert "does not exist" in error(command("data", "root", "folder", tmp_path / "gone"))
    assert "folder" in error(command("data", "root", "folderr", videos))


def test_prepare_tells_what_became_of_each_video(command, make_video, tmp_path):
    make_video(tmp_path / "v" / "real" / "a.mp4")
    make_video(tmp_path / "v" / "fake" / "b.mp4", frames=50)
    (tmp_path / "v" / "fake" / "c.mp4").write_text("no video")
    asked = (
        "prepare",
        "folder",
        "--data-root",
        tmp_path / "v",
        "--faces",
        "center",
        "--workers",
        1,
        "--detector",
        "r3d18",
    )
    found = json.loads(command(*asked, "--json").stdout)
    assert found["status"] == {"ok": 2, "unreadable": 1}
    assert (found["videos"], found["clips"]) == (3, 8)
    assert "fake/c.mp4" in found["first unreadable"]
    assert command(*asked).exit_code == 0


def test_json_is_one_object_and_nothing_else_on_stdout(cli, make_video, tmp_path):
    """Also in a process of its own, where libraries write as they like."""
    make_video(tmp_path / "v" / "real" / "a.mp4")
    (tmp_path / "v" / "real" / "b.mp4").write_text("no video")
    for args in (
        ("list", "plugins"),
        ("weights", "list"),
        ("prepare", "folder", "--data-root", tmp_path / "v", "--faces", "center"),
    ):
        done = cli(*args, "--json")
        assert done.returncode == 0, done.stderr
        assert isinstance(json.loads(done.stdout), dict)


def test_names_with_options_are_read_alike_everywhere():
    assert parse_name("r3d18:width=0.5,shortcut=A") == ("r3d18", {"width": "0.5", "shortcut": "A"})
    assert parse_name("plugin/meso4") == ("plugin/meso4", {})
