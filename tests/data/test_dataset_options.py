"""A dataset's own options are options of the commands that read it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from click.testing import Result
from data_commands import prepared, read, usage
from one_line import error


def ffpp_prepared(command, root: Path, *more: object, name: str = "ffpp") -> Result:
    return command(
        "prepare", name, "--data-root", root, "--faces", "center", "--workers", 1, "--json", *more
    )


def test_the_options_of_a_dataset_are_options(command, ffpp):
    done = ffpp_prepared(command, ffpp, "--compression", "c40", "--methods", "Deepfakes")
    assert done.exit_code == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["dataset"] == "ffpp:compression=c40,methods=Deepfakes"
    assert report["videos"] == 16
    assert "original_sequences/youtube/c40/" in report["first unreadable"]
    same = ffpp_prepared(command, ffpp, name="ffpp:methods=Deepfakes,compression=c40")
    for key in ("videos", "clips", "status", "first unreadable"):
        assert json.loads(same.stdout)[key] == report[key]


@pytest.mark.parametrize("spelling", ["Deepfakes,Face2Face", "Deepfakes+Face2Face"])
def test_several_methods_are_parted_by_a_comma_or_a_plus(command, ffpp, spelling):
    done = ffpp_prepared(command, ffpp, "--compression", "c40", "--methods", spelling)
    assert json.loads(done.stdout)["videos"] == 24


def test_both_spellings_together(command, ffpp):
    done = ffpp_prepared(command, ffpp, "--methods", "Deepfakes", name="ffpp:compression=c40")
    assert json.loads(done.stdout)["videos"] == 16


def test_an_option_said_twice_is_a_usage_error(command, ffpp):
    done = ffpp_prepared(command, ffpp, "--compression", "c23", name="ffpp:compression=c40")
    assert "compression is given in 'ffpp:compression=c40' and by --compression" in usage(done)


def test_an_option_of_another_dataset_is_a_usage_error(command, videos):
    done = prepared(command, videos, "--compression", "c40")
    assert "--compression is no option of folder" in usage(done)


@pytest.mark.parametrize("verb", ["prepare", "data split", "data check", "run"])
def test_an_option_of_none_is_a_usage_error(command, ffpp, tmp_path, verb):
    names = {
        "run": ("--detector", "meso4", "--dataset", "ffpp"),
        "data split": ("ffpp", "--out", tmp_path / "s.csv"),
    }
    asked = (*verb.split(), *names.get(verb, ("ffpp",)), "--data-root", ffpp)
    done = usage(command(*asked, "--compresion", "c40"))
    assert "No such option" in done
    assert "--compression" in done  # did you mean


def test_a_wrong_value_is_one_line_with_the_near_ones(command, ffpp):
    line = error(ffpp_prepared(command, ffpp, "--methods", "DeepFake"))
    assert "Deepfakes" in line


def test_an_option_goes_to_the_dataset_that_has_it(command, ffpp, videos, tmp_path):
    """Of two in one run; the other is not told."""
    done = command(
        "run",
        "--detector",
        "meso4",
        "--train",
        "folder",
        "--test",
        "ffpp",
        "--faces",
        "center",
        "--data-root",
        f"ffpp={ffpp}",
        "--data-root",
        f"folder={videos}",
        "--compression",
        "c41",
        "--out",
        tmp_path / "runs",
    )
    assert "'c41'" in error(done)
    assert not (tmp_path / "runs").exists()


def test_data_split_takes_them_too(command, ffpp, tmp_path):
    done = command(
        "data",
        "split",
        "ffpp",
        "--data-root",
        ffpp,
        "--methods",
        "FaceSwap",
        "--out",
        tmp_path / "s.csv",
    )
    assert done.exit_code == 0, done.stderr
    assert Counter(row["method"] for row in read(tmp_path / "s.csv")) == {"": 8, "FaceSwap": 8}


def test_help_names_the_datasets_of_an_option(command):
    for asked in (("prepare",), ("run",), ("data", "split"), ("data", "check")):
        text = " ".join(command(*asked, "--help").stdout.split())
        assert "--compression VALUE" in text
        assert "ffpp" in text[text.index("--compression VALUE") :][:200]
