"""Bad input: one line that says what to do, and nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest
import safetensors.torch
import torch
from one_line import error

from dfbench import load_detector

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
