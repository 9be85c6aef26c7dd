"""The command line: quick to start, one JSON object, one line for what the user can mend."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import safetensors.torch
import torch
from click.testing import Result

from dfbench import __version__, load_detector
from dfbench.catalogue.names import parse_name

KINDS = ("detectors", "datasets", "metrics", "faces", "plugins", "runs")


def error(result: Result) -> str:
    """The one line that a mendable failure prints."""
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise AssertionError("a traceback instead of a line") from result.exception
    assert result.exit_code == 1, result.output
    lines = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, result.stderr
    assert "Traceback" not in result.output
    assert result.stdout == ""
    return lines[0]


@pytest.fixture
def videos(tmp_path) -> Path:
    """Enough files for three splits; planning does not decode them."""
    for n in range(12):
        for kind in ("real", "fake"):
            path = tmp_path / "videos" / kind / f"{n}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{kind} {n}")
    return tmp_path / "videos"


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


# --- bad input ------------------------------------------------------------------------------

GOOD = ("run", "--detector", "meso4", "--dataset", "folder", "--faces", "center")


@pytest.fixture
def refused(command, tmp_path, videos):
    """Run with the good arguments changed; the error line. Nothing may have been written."""

    def run(*extra: object, root: Path | None = videos, **changed: str) -> str:
        args = list(GOOD)
        for name, value in changed.items():
            args[args.index(f"--{name}") + 1] = value
        if root is not None:
            args += ["--data-root", str(root)]
        if "--out" not in extra:
            args += ["--out", str(tmp_path / "out")]
        line = error(command(*args, *extra))
        assert not (tmp_path / "out").exists()
        return line

    return run


def test_unknown_names(refused):
    assert "Did you mean meso4 or" in refused(detector="mesoo4")
    assert "Did you mean celebdf or" in refused(dataset="celeb")
    assert "Did you mean folder?" in refused(dataset="folders")
    assert "center, given, mtcnn, retinaface, yunet" in refused(faces="mtcn")
    assert "no detector 'yunet/meso4'" in refused(detector="yunet/meso4")


def test_wrong_options_of_a_detector_or_dataset(refused):
    assert "has no option 'width'" in refused(detector="meso4:width=2")
    assert "takes a float, not 'wide'" in refused(detector="r3d18:width=wide")
    assert "name:key=value" in refused(detector="meso4:width").replace("meso4:key", "name:key")
    assert "folder has no option 'seed'" in refused(dataset="folder:seed=1")


def test_data_that_is_not_there(refused, tmp_path):
    assert "does not exist" in refused(root=tmp_path / "gone")
    (tmp_path / "empty").mkdir()
    assert "neither the folders real/" in refused(root=tmp_path / "empty")
    assert "needs its folder: --data-root" in refused(root=None)
    assert "is not DFDC" in refused(dataset="dfdc")
    assert "no dataset of this run has that name" in refused("--data-root", "dfdc=/tmp")


def test_a_folder_without_a_name_is_not_given_to_just_any_dataset(command, videos, tmp_path):
    asked = (
        "run",
        "--detector",
        "meso4",
        "--train",
        "folder",
        "--test",
        "dfdc",
        "--faces",
        "center",
        "--out",
        tmp_path / "out",
    )
    assert "which dataset it belongs to" in error(command(*asked, "--data-root", videos))
    both = ("--data-root", videos, "--data-root", f"dfdc={videos}")
    assert "is not DFDC" in error(command(*asked, *both))


def test_one_class_only_or_too_few(refused, videos, tmp_path):
    one = tmp_path / "one"
    one.mkdir()
    (videos / "real").rename(one / "real")
    assert "no fake ones: both are needed" in refused(root=one)
    few = tmp_path / "few"
    for kind in ("real", "fake"):
        (few / kind).mkdir(parents=True)
        (few / kind / "a.mp4").write_text(kind)
    line = refused(root=few)
    assert "split of folder" in line or "folder has no" in line


def test_a_list_that_does_not_hold(refused, tmp_path):
    (tmp_path / "dfdc").mkdir()
    list_ = tmp_path / "dfdc" / "metadata.json"
    for text, says in (
        ("{", "damaged"),
        ('{"../a.mp4": {"label": "REAL"}}', "not a path inside"),
        ('{"a.mp4": {"label": "MAYBE"}}', "neither REAL nor FAKE"),
    ):
        list_.write_text(text)
        assert says in refused(dataset="dfdc", root=tmp_path / "dfdc")
    (tmp_path / "x.csv").write_text("path,label\na.mp4,unsure\n")
    assert "x.csv, line 2" in refused(root=tmp_path / "x.csv")
    (tmp_path / "x.csv").write_text(
        "path,label,split,group\n"
        + "".join(
            f"{k}{s}.mp4,{k},{s},g\n" for s in ("train", "val", "test") for k in ("real", "fake")
        )
    )
    assert "share the group 'g'" in refused(root=tmp_path / "x.csv")


def test_weights_that_cannot_be_used(refused, tmp_path, shared):
    assert "official-df, official-f2f" in refused("--weights", "official")
    file = tmp_path / "x.safetensors"
    safetensors.torch.save_file(load_detector("r3d18:width=0.0625").state_dict(), file)
    assert "is for another network" in refused("--weights", file)
    file.write_bytes(file.read_bytes()[:5000])
    assert "damaged, cut short" in refused("--weights", file)
    torch.save(torch.nn.Linear(2, 2), tmp_path / "x.pt")
    assert "more than plain weights" in refused("--weights", tmp_path / "x.pt")
    official = shared / "data" / "weights" / "mesonet" / "MesoInception_DF.h5"
    assert "is for another network" in refused("--weights", official)
    cached = tmp_path / "cache" / "weights" / "meso4" / "Meso4_DF.h5"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(official.read_bytes())
    line = refused("--weights", "official-df", "--cache", tmp_path / "cache")
    assert "sha256" in line
    assert "expected 036ed30d04ff" in line


def test_weights_are_needed_where_nothing_is_trained(command, tmp_path, videos):
    """Fault 15: no random network is ever evaluated in place of a trained one."""
    for extra in ((), ("--weights", "none")):
        result = command(
            "run",
            "--detector",
            "meso4",
            "--train",
            "none",
            "--test",
            "folder",
            "--data-root",
            videos,
            "--out",
            tmp_path / "out",
            *extra,
        )
        assert "name them with --weights (official-df, official-f2f)" in error(result)
    assert not (tmp_path / "out").exists()


def test_training_options_out_of_range(refused):
    for name, value in (("epochs", 0), ("batch-size", -1), ("lr", 0), ("lr", "nan"), ("lr", "inf")):
        assert f"--{name} must be above 0" in refused(f"--{name}", value)
    assert "from 1 to 5" in refused("--fine-tune", "9")
    assert "ships no boxes" in refused(faces="given")


def test_output_that_cannot_be_written(refused, tmp_path):
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        assert "not a folder that can be written to" in refused("--out", out)
    assert (tmp_path / "file").read_text() == ""


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_no_gpu(refused):
    assert "PyTorch sees no GPU here" in refused("--device", "cuda")


@pytest.mark.parametrize(
    "args",
    [
        ["run"],
        ["run", "--detector", "meso4"],
        ["run", "--detector", "meso4", "--train", "none"],
        [*GOOD, "--train", "folder"],
        [*GOOD, "--limit", "0"],
        [*GOOD, "--seed", "-1"],
        [*GOOD, "--workers", "-1"],
        [*GOOD, "--device", "tpu"],
        [*GOOD, "--on-missing", "guess"],
        [*GOOD, "--data-root", "folder=/a", "--data-root", "folder=/b"],
        ["list", "everything"],
        ["runn"],
        ["show"],
    ],
)
def test_usage(command, args):
    result = command(*args)
    assert result.exit_code == 2
    assert "Error:" in result.stderr
    assert result.stdout == ""


def test_in_a_process_of_its_own(cli, videos):
    args = ("run", "--detector", "meso", "--dataset", "folder", "--data-root", videos)
    done = cli(*args)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: no detector 'meso'. Did you mean meso4")
    assert len(done.stderr.splitlines()) == 1
    shown = cli(*args, "--debug")
    assert shown.returncode == 1
    assert "Traceback" in shown.stderr
    assert list(Path.cwd().iterdir()) == []


# --- where settings come from ---------------------------------------------------------------


def test_command_line_beats_variable_beats_file_beats_card(command, videos, tmp_path):
    """Fault 18."""
    args = [*GOOD, "--data-root", videos, "--out", tmp_path / "out"]
    Path("dfbench.toml").write_text("epochs = -5\n")
    assert "not -5" in error(command(*args))
    Path("dfbench.toml").write_text("epochs = -5\n[run]\nepochs = -4\n")
    assert "not -4" in error(command(*args))
    assert "not -3" in error(command(*args, DFBENCH_EPOCHS="-3"))
    assert "not -2" in error(command(*args, "--epochs", "-2", DFBENCH_EPOCHS="-3"))


def test_the_file_takes_every_option_by_the_name_it_has_on_the_command_line(command, videos):
    Path("own.toml").write_text(
        f'data-root = ["folder={videos}"]\n[run]\ndetector = "meso4"\ntrain = "none"\n'
        'test = "folder"\nbatch_size = 3\n'
    )
    assert "--train none evaluates" in error(command("--config", "own.toml", "run"))
    Path("own.toml").write_text(f'[prepare]\nfaces = "center"\ndata-root = "{videos}"\n')
    assert command("--config", "own.toml", "prepare", "folder", "--workers", 1).exit_code == 0


def test_a_shared_setting_reaches_commands_in_groups(command, tmp_path):
    cache = tmp_path / "kept"
    Path("dfbench.toml").write_text(f'cache = "{cache}"\n')
    (cache / "weights" / "yunet").mkdir(parents=True)
    file = cache / "weights" / "yunet" / "face_detection_yunet_2023mar.onnx"
    file.write_bytes(b"not the network")
    assert str(file) in error(command("weights", "fetch", "yunet", "2023mar", DFBENCH_CACHE=""))


def test_a_variable_holds_folders_whose_names_may_have_spaces(command, videos):
    spaced = videos.rename(videos.with_name("my videos"))
    asked = ("prepare", "folder", "--faces", "center", "--workers", 1)
    assert command(*asked, DFBENCH_DATA_ROOT=f"folder={spaced}").exit_code == 0
    result = command(*asked, DFBENCH_DATA_ROOT=f"folder={spaced}:dfdc=/tmp")
    assert "--data-root dfdc=…: no dataset of this run" in error(result)


def test_a_damaged_configuration_is_one_line(command, videos):
    file = Path(os.environ["DFBENCH_CONFIG"]) / "roots.json"
    file.parent.mkdir()
    for text in ("{", "[1]", '{"folder": null}'):
        file.write_text(text)
        assert "roots.json cannot be read" in error(command("prepare", "folder"))
    file.unlink()
    file.parent.rmdir()
    file.parent.write_text("a file where the folder should be")
    assert "roots.json cannot be" in error(command("data", "root", "folder", videos))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("epochz = 3", "epochz: did you mean epochs?"),
        ("[runn]\nepochs = 3", "[runn]: did you mean run?"),
        ("[run]\nlimits = 3", "in [run]: no command or option is called limits"),
        ("[weights.fetch]\nfaces = 'x'", "in [weights.fetch]"),
        ("[run", "cannot be read"),
    ],
)
def test_a_setting_that_nobody_reads_is_an_error(command, text, says):
    Path("dfbench.toml").write_text(text)
    assert says in error(command("list", "plugins"))


def test_names_with_options_are_read_alike_everywhere():
    assert parse_name("r3d18:width=0.5,shortcut=A") == ("r3d18", {"width": "0.5", "shortcut": "A"})
    assert parse_name("plugin/meso4") == ("plugin/meso4", {})
