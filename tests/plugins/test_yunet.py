"""YuNet: the faces of the reference, in bad pictures too, and nobody where nobody is."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from dfbench.errors import WeightsError
from dfbench.faces.tracks import check_faces, iou, main_track

YUNET = Path("data/weights/yunet/face_detection_yunet_2023mar.onnx")


def picture(shared: Path, name: str) -> np.ndarray:
    bgr = cv2.imread(str(shared / "data" / "images" / "faces" / name))
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


@pytest.fixture(scope="module")
def yunet(shared):
    from dfbench_yunet.detector import YuNet

    return YuNet(shared / YUNET)


@pytest.mark.parametrize("name", ["retinaface_13.jpg", "multiface.jpg"])
def test_yunet_finds_the_faces_of_the_reference(shared, yunet, name):
    known = json.loads((shared / "reference" / "faces.json").read_text())["mtcnn"][name]
    (found,) = yunet.detect(picture(shared, name)[None])
    assert len(found) == len(known["boxes"])
    assert (np.diff(found.scores) <= 0).all()
    for box, marks in zip(known["boxes"], known["landmarks"], strict=True):
        overlap = iou(np.array(box, np.float32), found.boxes)
        assert overlap.max() >= 0.75
        # The order of the landmarks, too: eye left, eye right, nose, mouth left, mouth right.
        side = box[3] - box[1]
        assert np.abs(found.landmarks[overlap.argmax()] - marks).max() < 0.15 * side


def test_yunet_finds_nobody_where_nobody_is(shared, yunet):
    assert len(yunet.detect(picture(shared, "no_face.jpg")[None])[0]) == 0


def degraded(image: np.ndarray, how: str) -> np.ndarray:
    height, width = image.shape[:2]
    if how == "mirrored":
        return np.ascontiguousarray(image[:, ::-1])
    if how == "dark":
        return (image * 0.3).astype(np.uint8)
    if how == "blurred":
        return cv2.GaussianBlur(image, (0, 0), width / 640)
    if how == "jpeg":
        return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 30])[1], 1)
    if how == "turned":
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), 10, 1)
        return cv2.warpAffine(image, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    scale = float(how)
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


WAYS = ["1", "mirrored", "dark", "blurred", "jpeg", "turned", "0.25", "0.4", "0.5", "0.6", "0.8",
        "1.2", "2"]  # fmt: skip


@pytest.mark.parametrize("how", WAYS)
def test_yunet_finds_no_person_among_dogs(shared, yunet, how):
    """One of the dogs has a score of 0.85 on the first look, as real faces have."""
    assert len(yunet.detect(degraded(picture(shared, "dogs.jpg"), how)[None])[0]) == 0


def test_yunet_looks_again_because_the_first_look_takes_a_dog_for_a_person(shared, monkeypatch):
    from dfbench_yunet import again
    from dfbench_yunet.detector import YuNet

    monkeypatch.setattr(again.SecondLook, "confirms", lambda *_: True)
    assert len(YuNet(shared / YUNET).detect(picture(shared, "dogs.jpg")[None])[0]) == 1


@pytest.mark.parametrize("how", WAYS)
def test_yunet_keeps_real_faces_in_bad_pictures(shared, yunet, how):
    assert len(yunet.detect(degraded(picture(shared, "multiface.jpg"), how)[None])[0]) == 6


def test_yunet_finds_small_faces_in_large_pictures(shared, yunet):
    """Where the picture reduced to 640 pixels shows nobody, the whole one is looked at."""
    faces = cv2.resize(
        picture(shared, "multiface.jpg"), None, fx=0.2, fy=0.2, interpolation=cv2.INTER_AREA
    )
    large = np.full((1080, 1920, 3), 90, np.uint8)
    y, x = 700, 1500
    large[y : y + faces.shape[0], x : x + faces.shape[1]] = faces
    (found,) = yunet.detect(large[None])
    sides = found.boxes[:, 3] - found.boxes[:, 1]
    assert len(found) >= 4
    assert sides.max() < 28
    known = json.loads((shared / "reference" / "faces.json").read_text())["mtcnn"]["multiface.jpg"]
    boxes = np.array(known["boxes"], np.float32) * 0.2 + np.array([x, y, x, y], np.float32)
    assert all(max(iou(box, boxes)) > 0.5 for box in found.boxes)


@pytest.mark.parametrize("side", ["left", "right", "top", "bottom"])
def test_yunet_finds_a_face_that_the_picture_s_edge_cuts(shared, yunet, side):
    image = picture(shared, "retinaface_13.jpg")
    x0, y0, x1, y1 = 440, 121, 507, 210  # the middle one
    dx, dy = (x1 - x0) // 5, (y1 - y0) // 5
    cuts = {
        "left": image[:, x0 + dx :],
        "right": image[:, : x1 - dx],
        "top": image[y0 + dy :],
        "bottom": image[: y1 - dy],
    }
    left, top = (x0 + dx if side == "left" else 0), (y0 + dy if side == "top" else 0)
    (found,) = yunet.detect(np.ascontiguousarray(cuts[side])[None])
    place = np.array([x0 - left, y0 - top, x1 - left, y1 - top], np.float32)
    assert iou(place, found.boxes).max() > 0.6


def frames_of(path: Path, step: int) -> np.ndarray:
    from dfbench.video.reader import Video

    with Video(path) as video:
        return np.stack([image for _, image in video.read(list(range(0, len(video), step)))])


@pytest.mark.parametrize("name", ["again.mkv", "please.mkv"])
def test_yunet_follows_the_one_person_of_a_video(shared, yunet, name):
    found = yunet.detect(frames_of(shared / "data" / "videos" / name, 8))
    assert all(1 <= len(faces) <= 2 for faces in found)  # a blurred hand passes for a face
    assert np.mean([len(faces) == 1 for faces in found]) >= 0.85
    track = main_track(list(range(len(found))), found)
    assert (track.scores > 0.9).all()


def test_yunet_finds_the_people_of_a_street(shared, yunet):
    found = yunet.detect(frames_of(shared / "data" / "videos" / "street_1080p.mp4", 20))
    assert all(4 <= len(faces) <= 9 for faces in found)
    for faces in found:
        assert {faces.boxes.dtype, faces.landmarks.dtype, faces.scores.dtype} == {np.dtype("f4")}


@pytest.mark.parametrize("shape", [(1, 1), (5, 900), (64, 64), (700, 30)])
def test_yunet_takes_pictures_of_any_shape(yunet, shape):
    noise = np.random.default_rng(0).integers(0, 256, (2, *shape, 3), np.uint8)
    check_faces(yunet.detect(noise), 2, "yunet")
    assert yunet.detect(noise[:0]) == []


def test_yunet_finds_nobody_in_textures(yunet):
    rng = np.random.default_rng(5)
    for size in (1, 4, 16, 60):
        coarse = rng.integers(0, 256, (480 // size, 640 // size, 3), np.uint8)
        image = cv2.resize(coarse, (640, 480), interpolation=cv2.INTER_CUBIC)
        assert len(yunet.detect(image[None])[0]) == 0


def test_yunet_does_the_same_alone_and_in_a_batch_and_enlarged(shared, yunet):
    image = picture(shared, "retinaface_13.jpg")
    alone = yunet.detect(image[None])[0]
    batch = yunet.detect(np.stack([image[::-1], image, image]))
    assert np.array_equal(batch[1].boxes, alone.boxes)
    assert np.array_equal(batch[2].landmarks, alone.landmarks)
    large = yunet.detect(cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)[None])[
        0
    ]
    assert len(large) == len(alone)
    for box in alone.boxes:  # boxes are in the picture's own pixels, not in those looked at
        assert iou(box * 2, large.boxes).max() > 0.85


def test_yunet_refuses_a_file_that_is_no_network(tmp_path):
    from dfbench_yunet.detector import YuNet

    (tmp_path / "x.onnx").write_bytes(b"<html>not found</html>")
    with pytest.raises(WeightsError, match=r"x\.onnx"):
        YuNet(tmp_path / "x.onnx")
    with pytest.raises(WeightsError):
        YuNet(None)
