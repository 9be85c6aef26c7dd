"""The contact sheet: a picture that shows every class, whatever the videos are called."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import cv2
import matplotlib.figure
import numpy as np
import pytest
from families import many
from scenes import center, finder, video

from dfbench.catalogue.cards import ClipSpec
from dfbench.catalogue.records import VideoRecord
from dfbench.errors import ResourceError
from dfbench.faces.prepare import Prepared, prepare
from dfbench.faces.sheet import CROPS, VIDEOS, caption, choose, draw, pictures
from dfbench.faces.store import FaceStore

SPEC = ClipSpec(frames=1, windows=12, size=32)
CLIPS = ClipSpec(frames=5, windows=2, size=32)


@pytest.fixture
def store(tmp_path) -> FaceStore:
    return FaceStore(tmp_path / "faces")


def item(name: str, label: int = 0, method: str | None = None, usable: int = 4) -> Prepared:
    record = VideoRecord(name, Path(name), label, method=method)
    status = "ok" if usable else "no_face"
    return Prepared(record, "", status, "", (0,) * 4, tuple(i < usable for i in range(4)))


def shape(file: Path) -> tuple[int, ...]:
    assert file.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    image = cv2.imread(str(file))
    assert image is not None
    return image.shape


def texts(monkeypatch) -> list[str]:
    """All that is written on the sheets drawn from now on."""
    seen: list[str] = []
    save = matplotlib.figure.Figure.savefig

    def saving(figure, *args, **kwargs):
        seen.append(figure.get_suptitle())
        seen.extend(text.get_text() for axes in figure.axes for text in axes.texts)
        return save(figure, *args, **kwargs)

    monkeypatch.setattr(matplotlib.figure.Figure, "savefig", saving)
    return seen


# --- what is shown --------------------------------------------------------------------------


def test_of_each_class_a_few_videos_spread_over_it():
    done = [item(f"r{n:02d}") for n in range(40)]
    done += [item(f"a{n:02d}", 1, "a") for n in range(3)] + [item("b", 1, "b")]
    shown = choose(done)
    kinds = [(i.record.label, i.record.method) for i in shown]
    assert kinds == [(0, None)] * VIDEOS + [(1, "a")] * 3 + [(1, "b")]
    real = [i.record.id for i in shown[:VIDEOS]]
    assert (real[0], real[-1]) == ("r00", "r39")
    assert len(set(real)) == VIDEOS
    assert choose([]) == []


def test_those_with_faces_come_first_and_those_without_where_there_are_no_others():
    done = [item("r0", usable=0), item("r1"), item("f0", 1, "m", 0), item("f1", 1, "m", 0)]
    assert [i.record.id for i in choose(done)] == ["r1", "f0", "f1"]
    assert "no_face, 0 of 4 clips" in caption(done[0])
    assert "ok, 4 of 4 clips" in caption(done[1])


@pytest.mark.parametrize("spec", [SPEC, CLIPS])
def test_the_crops_are_spread_over_clips_and_frames(make_video, tmp_path, store, spec):
    (done,) = prepare([video(make_video, tmp_path / "a.mp4")], spec, finder(), store)
    shown = pictures(done, store)
    assert len(shown) == CROPS
    assert {picture.shape for picture in shown} == {(160, 160, 3)}
    assert len({picture.tobytes() for picture in shown}) == CROPS
    for picture in shown:  # the red face in its middle, in its colours
        assert picture[60:100, 60:100, 0].mean() > 200
        assert picture[60:100, 60:100, 2].mean() < 60


# --- the sheet ------------------------------------------------------------------------------

NAMES = [
    "plain",
    "cost $5 or $6",
    "50% \\frac{",
    "$\\frac{$",
    "Ünïcödé 顔",
    "a_b^c",
    "x" * 200,
    "$",
]


def test_a_sheet_is_a_png_with_a_row_for_each_class(make_video, tmp_path, store, monkeypatch):
    first = video(make_video, tmp_path / "a.mp4")
    records = [VideoRecord(n, first.path, 0) for n in ("r0", "r1")]
    records += [VideoRecord(m, first.path, 1, method=m) for m in ("swap", "warp")]
    (tmp_path / "text.mp4").write_text("no video")
    records.append(VideoRecord("bad", tmp_path / "text.mp4", 1, method="lost"))
    done = prepare(records, SPEC, finder(), store)
    written = texts(monkeypatch)
    file = tmp_path / "new" / "sheet.png"
    assert draw(done, store, file, "the title") == file
    height, width, _ = shape(file)
    assert written[0] == "the title"
    kinds = [text.splitlines()[1] for text in written[1:]]
    assert kinds == ["real", "real", "fake: lost", "fake: swap", "fake: warp"]
    assert "unreadable, 0 of 12 clips" in written[3]
    one = draw(done[:1], store, tmp_path / "one.png", "")
    assert shape(one)[0] == pytest.approx((0.8 + 1.5) * 80, abs=2)
    assert height == pytest.approx((0.8 + 5 * 1.5) * 80, abs=2)
    image = cv2.imread(str(file))[..., ::-1]
    red = (image[..., 0] > 200) & (image[..., 1] < 80)
    assert red[:, width // 4 :].sum() > 5000
    bands = np.split(red[64 : 64 + 5 * 120], 5)
    assert [bool(band.any()) for band in bands] == [True, True, False, True, True]


@pytest.mark.parametrize("name", NAMES)
def test_a_sheet_survives_any_name(make_video, tmp_path, store, name):
    path = video(make_video, tmp_path / "a.mp4").path
    record = VideoRecord(name.replace("\\", ""), path, 1, method=name)
    done = prepare([record], SPEC, finder(), store)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert shape(draw(done, store, tmp_path / "sheet.png", f"{name}, by {name}"))
    assert "$" not in caption(done[0]).replace(r"\$", "")


def test_a_sheet_with_nothing_usable(tmp_path, store):
    done = prepare(many(3), SPEC, center(), store)
    assert {i.status for i in done} == {"missing"}
    assert shape(draw(done, store, tmp_path / "sheet.png", "nothing"))
    assert shape(draw([], store, tmp_path / "empty.png", "nobody"))


def test_a_sheet_that_cannot_be_written_is_one_line(tmp_path, store):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file" / "sheet.png", tmp_path):
        with pytest.raises(ResourceError, match="cannot be written"):
            draw([], store, place, "")


# --- the command ----------------------------------------------------------------------------


def test_prepare_ends_with_a_report_and_a_sheet(cli, make_video, tmp_path):
    for kind in ("real", "fake"):
        make_video(tmp_path / "v" / kind / "a.mp4", frames=50)
    (tmp_path / "v" / "fake" / "bad.mp4").write_text("no video")
    (tmp_path / "v" / "fake" / "gone.mp4").symlink_to(tmp_path / "nowhere.mp4")
    asked = (
        "prepare",
        "folder",
        "--data-root",
        tmp_path / "v",
        "--faces",
        "center",
        "--workers",
        1,
        "--sheet",
        tmp_path / "sheet.png",
    )
    done = cli(*asked, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["status"] == {"ok": 2, "unreadable": 1, "missing": 1}
    assert report["with a face"] == "50.0%"
    assert (report["videos"], report["clips"], report["frames"]) == (4, 64, 64)
    assert report["videos/s"] > 0
    assert report["frames/s"] == pytest.approx(16 * report["videos/s"], rel=0.1)
    assert "fake/bad.mp4" in report["first unreadable"]
    assert "fake/gone.mp4" in report["first missing"]
    assert report["sheet"] == str(tmp_path / "sheet.png")
    assert shape(tmp_path / "sheet.png")[0] > 200
    again = cli(*asked)
    assert again.returncode == 0
    for line in ("videos: 4", "with a face: 50.0%", "status: ok 2, "):
        assert line in again.stdout
