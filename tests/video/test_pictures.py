"""A folder of pictures read as a video: the same frames, in their order, none lost in silence."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from scenes import FRAMES, finder, scene

import dfbench.faces.cut
from dfbench.catalogue.records import VideoRecord
from dfbench.errors import VideoError
from dfbench.faces.prepare import prepare
from dfbench.faces.store import FaceStore
from dfbench.video.fingerprint import fingerprint
from dfbench.video.pictures import Pictures
from dfbench.video.reader import Video, open_video


def write(path: Path, image: np.ndarray) -> Path:
    """An RGB picture, its coding named by the ending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _, data = cv2.imencode(path.suffix.lower(), image[..., ::-1] if image.ndim == 3 else image)
    path.write_bytes(data.tobytes())
    return path


def plain(value: int, size: tuple[int, int] = (40, 30)) -> np.ndarray:
    return np.full((size[1], size[0], 3), value, np.uint8)


def values(pictures: Pictures) -> list[int | None]:
    read = (image for _, image in pictures.read(range(len(pictures))))
    return [None if image is None else int(image[0, 0, 0]) for image in read]


def test_pictures_come_in_the_order_of_their_numbers(tmp_path):
    for number in (10, 9, 0, 100, 2):
        write(tmp_path / "v" / f"frame_{number}.png", plain(number))
    for name in ("11.txt", ".12.png", "._13.png", "readme"):
        (tmp_path / "v" / name).write_text("no frame")
    with open_video(tmp_path / "v") as video:
        assert isinstance(video, Pictures)
        assert (len(video), video.fps, video.promised) == (5, 0, 0)
        assert values(video) == [0, 2, 9, 10, 100]
        assert [number for number, _ in video.read([3, 0, 3])] == [3, 0, 3]
        assert video.frame(4).shape == (30, 40, 3)
        for outside in (5, -1):
            with pytest.raises(VideoError, match="5 frames"):
                video.frame(outside)


def test_the_number_of_the_clip_in_the_name_comes_first(tmp_path):
    for n, name in enumerate(["a1_f2", "a1_f10", "a2_f1"]):
        write(tmp_path / f"{name}.png", plain(n))
    assert values(Pictures(tmp_path)) == [0, 1, 2]


@pytest.mark.parametrize("ending", [".png", ".PNG", ".jpg", ".JPG", ".jpeg", ".bmp", ".webp"])
def test_endings_in_any_case_colours_in_their_order(tmp_path, ending):
    write(tmp_path / f"0{ending}", np.full((16, 16, 3), (200, 100, 20), np.uint8))
    (image,) = (image for _, image in Pictures(tmp_path).read([0]))
    assert image.dtype == np.uint8
    assert np.abs(image.astype(int) - (200, 100, 20)).max() < 8


@pytest.mark.parametrize("kind", ["grey", "alpha", "deep"])
def test_pictures_of_other_kinds_come_as_rgb(tmp_path, kind):
    image = np.random.default_rng(0).integers(0, 256, (16, 24, 3), np.uint8)
    written = {
        "grey": image[..., 0],
        "alpha": np.dstack([image[..., ::-1], np.full((16, 24), 128, np.uint8)]),
        "deep": image[..., ::-1].astype(np.uint16) * 257,
    }[kind]
    cv2.imwrite(str(tmp_path / "0.png"), written)
    found = Pictures(tmp_path).frame(0)
    assert found.dtype == np.uint8
    expected = np.repeat(image[..., :1], 3, 2) if kind == "grey" else image
    assert np.abs(found.astype(int) - expected).max() <= 1


def test_all_are_brought_to_the_size_of_the_first_that_can_be_read(tmp_path):
    (tmp_path / "0.png").write_bytes(b"no picture")
    write(tmp_path / "1.png", plain(50, (40, 30)))
    write(tmp_path / "2.png", plain(90, (80, 60)))
    for order in ((1, 2), (2, 1)):  # whichever is asked for first
        found = dict(Pictures(tmp_path).read(order))
        assert {image.shape for image in found.values()} == {(30, 40, 3)}
        assert (found[2] == 90).all()


def too_large(path: Path) -> None:
    """A header that promises 10^10 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + data)


@pytest.mark.parametrize("at", [0, 1, 4])
@pytest.mark.parametrize("kind", ["empty", "text", "short", "large", "folder", "link"])
def test_one_bad_picture_is_one_lost_frame(tmp_path, kind, at):
    """Faults 8 and 10: it is never another picture, and the others are used."""
    for number in range(5):
        write(tmp_path / f"{number}.png", plain(10 * number))
    bad = tmp_path / f"{at}.png"
    data = bad.read_bytes()
    bad.unlink()
    if kind == "empty":
        bad.write_bytes(b"")
    elif kind == "text":
        bad.write_text("no picture")
    elif kind == "short":
        bad.write_bytes(data[:40])
    elif kind == "large":
        too_large(bad)
    elif kind == "folder":
        bad.mkdir()
    elif kind == "link":
        bad.symlink_to(tmp_path / "gone.png")
    pictures = open_video(tmp_path)
    assert values(pictures) == [None if n == at else 10 * n for n in range(5)]
    with pytest.raises(VideoError, match=f"{at}.png"):
        pictures.frame(at)


def test_a_picture_alone_is_a_video_of_one_frame(tmp_path):
    path = write(tmp_path / "a.JPG", plain(77))
    with open_video(path) as video:
        assert values(video) == [77]


@pytest.mark.parametrize("name", ["", "gone", "gone.png"])
def test_without_pictures_it_is_a_video_error(tmp_path, name):
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(VideoError) as caught:
        open_video(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


# --- prepared -------------------------------------------------------------------------------


@pytest.fixture
def both(make_video, tmp_path) -> tuple[VideoRecord, VideoRecord]:
    """A video, and its frames as pictures."""
    path = make_video(tmp_path / "a.mp4", frames=60, size=(160, 120), draw=scene, crf=10)
    with Video(path) as video:
        for number, image in video.read(range(60)):
            write(tmp_path / "pictures" / f"{number}.png", image)
    return VideoRecord("a", path, 0), VideoRecord("p", tmp_path / "pictures", 1, method="swap")


def test_a_folder_of_its_frames_is_prepared_as_the_video_is(both, tmp_path):
    """Fault 17: half of the field's real videos come as videos and half of the fakes as pictures;
    frames and crops must be the same."""
    store = FaceStore(tmp_path / "faces")
    video, pictures = prepare(both, FRAMES, finder(), store)
    assert (pictures.status, pictures.usable) == ("ok", (True,) * 8)
    assert pictures.starts == video.starts
    for ours, theirs in zip(
        store.clips(pictures.key, range(8)), store.clips(video.key, range(8)), strict=True
    ):
        assert ours[0].square == theirs[0].square
        assert np.array_equal(ours[1], theirs[1])


def test_a_bad_picture_costs_its_clip_alone(both, tmp_path):
    lost = int(dfbench.faces.cut.sample_windows(60, FRAMES)[3, 0])
    (both[1].path / f"{lost}.png").write_bytes(b"no picture")
    (done,) = prepare(both[1:], FRAMES, finder(), FaceStore(tmp_path / "faces"))
    assert done.status == "ok"
    assert done.detail == "1 of 8 clips have unreadable frames"
    assert done.usable == tuple(n != 3 for n in range(8))


def test_other_pictures_are_another_content(both):
    folder = both[1].path
    before = [fingerprint(folder)]
    write(folder / "59.png", plain(3))
    before.append(fingerprint(folder))
    (folder / "59.png").unlink()
    before.append(fingerprint(folder))
    (folder / "58.png").rename(folder / "61.png")
    before.append(fingerprint(folder))
    (folder / "notes.txt").write_text("of no account")
    assert len(set(before)) == 4
    assert fingerprint(folder) == before[-1]


def test_an_empty_folder_is_a_row(tmp_path):
    (tmp_path / "v").mkdir()
    records = [VideoRecord("v", tmp_path / "v", 0), VideoRecord("w", tmp_path / "w", 1)]
    empty, gone = prepare(records, FRAMES, finder(), FaceStore(tmp_path / "faces"))
    assert empty.status == "unreadable"
    assert "without pictures" in empty.detail
    assert gone.status == "missing"


def test_a_link_that_leads_nowhere_does_not_lose_the_folder(tmp_path):
    folder = tmp_path / "sequence"
    folder.mkdir()
    (folder / "0.png").symlink_to(tmp_path / "gone.png")
    (folder / "1.png").write_bytes(b"a picture")
    first = fingerprint(folder)
    (folder / "1.png").write_bytes(b"a Picture")
    assert fingerprint(folder) != first


def test_a_folder_in_which_nothing_can_be_decoded_says_so(tmp_path):
    folder = tmp_path / "sequence"
    folder.mkdir()
    (folder / "0.png").write_bytes(b"no picture")
    record = VideoRecord("sequence", folder, 0)
    (done,) = prepare([record], FRAMES, finder(), FaceStore(tmp_path / "faces"))
    assert done.status == "unreadable"
    assert done.detail
