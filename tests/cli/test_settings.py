"""Where settings come from, and which wins."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from one_line import error

GOOD = ("run", "--detector", "meso4", "--dataset", "folder", "--faces", "center")


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
