"""MTCNN: the cascade gives the numbers of facenet-pytorch, whose weights it uses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch.nn import functional

from dfbench.catalogue.plugins import open_catalogue
from dfbench.detector.weights import sha256_of
from dfbench.errors import WeightsError
from dfbench.faces.tracks import check_faces, iou
from dfbench_mtcnn.boxes import Sums, squared, without_nested
from dfbench_mtcnn.detector import MTCNN, scales


@pytest.fixture(scope="module")
def folder(shared) -> Path:
    return shared / "data" / "weights" / "mtcnn"


@pytest.fixture(scope="module")
def mtcnn(folder) -> MTCNN:
    return MTCNN(folder, device="cpu")


def picture(shared: Path, name: str) -> np.ndarray:
    bgr = cv2.imread(str(shared / "data" / "images" / "faces" / name))
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


# --- the numbers ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["retinaface_13.jpg", "multiface.jpg"])
def test_boxes_landmarks_and_scores_are_those_of_the_reference(shared, mtcnn, name):
    known = json.loads((shared / "reference" / "faces.json").read_text())["mtcnn"][name]
    (found,) = mtcnn.detect(picture(shared, name)[None])
    assert len(found) == len(known["boxes"])
    assert (np.diff(found.scores) <= 0).all()
    for box, score, marks in zip(known["boxes"], known["probs"], known["landmarks"], strict=True):
        nearest = iou(np.array(box, np.float32), found.boxes).argmax()
        assert found.boxes[nearest] == pytest.approx(box, abs=0.01)
        assert found.landmarks[nearest] == pytest.approx(np.array(marks), abs=0.01)
        assert found.scores[nearest] == pytest.approx(score, abs=1e-4)
        assert found.landmarks[nearest, 0, 0] < found.landmarks[nearest, 1, 0]


@pytest.mark.parametrize("name", ["no_face.jpg", "dogs.jpg"])
def test_nobody_is_found_where_nobody_is(shared, mtcnn, name):
    (found,) = mtcnn.detect(picture(shared, name)[None])
    assert (found.boxes.shape, found.landmarks.shape, found.scores.shape) == (
        (0, 4),
        (0, 5, 2),
        (0,),
    )


@pytest.mark.parametrize("name", ["again.mkv", "please.mkv", "street_1080p.mp4"])
def test_videos(shared, mtcnn, name):
    from dfbench.video.reader import Video

    with Video(shared / "data" / "videos" / name) as video:
        numbers = [0, len(video) // 3]
        found = mtcnn.detect(np.stack([image for _, image in video.read(numbers)]))
    least, most = (4, 9) if name.startswith("street") else (1, 1)
    assert all(least <= len(faces) <= most for faces in found)


def test_a_picture_has_the_same_faces_alone_and_in_a_batch(shared, mtcnn, monkeypatch):
    image = picture(shared, "retinaface_13.jpg")
    images = np.stack([image, image[:, ::-1], np.zeros_like(image), image // 2])
    alone = [mtcnn.detect(one[None])[0] for one in images]
    monkeypatch.setattr("dfbench_mtcnn.detector._PIXELS", {"cpu": 1 << 30})
    together = mtcnn.detect(images)
    check_faces(together, 4, "mtcnn")
    assert [len(faces) for faces in together] == [len(faces) for faces in alone]
    assert len(together[2]) == 0
    for one, other in zip(alone, together, strict=True):
        assert {other.boxes.dtype, other.landmarks.dtype, other.scores.dtype} == {np.dtype("f4")}
        assert one.boxes == pytest.approx(other.boxes, abs=0.01)
        assert one.landmarks == pytest.approx(other.landmarks, abs=0.01)
    mirrored = together[1].boxes * [-1, 1, -1, 1] + [image.shape[1], 0, image.shape[1], 0]
    for box in mirrored[:, [2, 1, 0, 3]].astype(np.float32):
        assert iou(box, together[0].boxes).max() > 0.7


@pytest.mark.parametrize("shape", [(1, 1), (12, 12), (20, 20), (19, 300), (21, 900), (200, 90)])
def test_pictures_of_any_shape(mtcnn, shape):
    noise = np.random.default_rng(0).integers(0, 256, (2, *shape, 3), np.uint8)
    check_faces(mtcnn.detect(noise), 2, "mtcnn")
    assert mtcnn.detect(noise[:0]) == []


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_finds_what_a_cpu_finds(shared, folder, mtcnn):
    image = picture(shared, "multiface.jpg")[None]
    one, other = mtcnn.detect(image)[0], MTCNN(folder, device="cuda").detect(image)[0]
    assert one.boxes == pytest.approx(other.boxes, abs=0.05)
    assert one.scores == pytest.approx(other.scores, abs=1e-3)


# --- its parts ------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(24, 24), (5, 11), (61, 90), (1, 1)])
def test_sums_reduce_as_area_interpolation_does(size):
    images = torch.randint(0, 256, (2, 50, 37, 3), dtype=torch.uint8)
    expected = functional.interpolate(images.permute(0, 3, 1, 2).float(), size, mode="area")
    assert torch.allclose(Sums(images).whole(*size), (expected - 127.5) / 128, atol=1e-5)


def test_sums_cut_boxes_out_of_the_pictures_asked_for():
    images = torch.randint(0, 256, (3, 40, 60, 3), dtype=torch.uint8)
    boxes = torch.tensor([[1, 1, 60, 40], [5, 9, 20, 30], [60, 40, 60, 40]])
    parts = Sums(images).parts(boxes, torch.tensor([2, 0, 1]), 24)
    for part, (x0, y0, x1, y1), number in zip(parts, boxes.tolist(), [2, 0, 1], strict=True):
        cut = images[number, y0 - 1 : y1, x0 - 1 : x1].permute(2, 0, 1)[None].float()
        expected = functional.interpolate(cut, (24, 24), mode="area")[0]
        assert torch.allclose(part, (expected - 127.5) / 128, atol=1e-5)


def test_sums_stay_exact_when_they_overflow():
    images = torch.full((1, 4000, 4000, 3), 255, dtype=torch.uint8)  # 4e9 in all
    parts = Sums(images).parts(torch.tensor([[3001, 3001, 4000, 4000]]), torch.tensor([0]), 2)
    assert torch.equal(parts, torch.full((1, 3, 2, 2), (255 - 127.5) / 128))


def test_the_first_scale_shows_the_smallest_face_as_large_as_the_window():
    assert scales(19, 500) == []
    assert scales(20, 500) == [0.6]
    found = scales(1080, 1920)
    assert found[0] == 0.6
    assert np.allclose(np.divide(found[1:], found[:-1]), 0.709)
    assert 12 <= 1080 * found[-1] < 12 / 0.709


def test_squares_keep_their_centre():
    boxes = squared(torch.tensor([[10.0, 20, 30, 60], [0, 0, 8, 4]]))
    assert boxes.tolist() == [[0, 20, 40, 60], [0, -2, 8, 6]]


def test_a_box_inside_another_goes():
    boxes = torch.tensor([[0.0, 0, 100, 100], [40, 40, 60, 60], [90, 90, 190, 190]])
    assert without_nested(boxes, torch.tensor([0.8, 0.9, 0.7]), 0.7) == [1, 2]
    assert without_nested(boxes[:0], torch.zeros(0), 0.7) == []


# --- weights --------------------------------------------------------------------------------


def test_the_card_names_the_files_that_lie_here(folder):
    _, card = open_catalogue().faces("mtcnn")
    assert card.resolve() is MTCNN
    for file in card.weights:
        assert sha256_of(folder / file.filename) == file.sha256
        assert (folder / file.filename).stat().st_size == file.size


def test_a_file_that_is_missing_or_another_network_s_is_named(folder, tmp_path):
    with pytest.raises(WeightsError, match="needs the folder"):
        MTCNN(None)
    for name in ("pnet.pt", "onet.pt"):
        shutil.copy(folder / name, tmp_path / name)
    with pytest.raises(WeightsError, match=r"rnet\.pt"):
        MTCNN(tmp_path)
    shutil.copy(folder / "onet.pt", tmp_path / "rnet.pt")
    with pytest.raises(WeightsError, match=r"rnet\.pt is not RNet") as caught:
        MTCNN(tmp_path)
    assert "\n" not in str(caught.value)
    (tmp_path / "rnet.pt").write_bytes(b"<html>not found</html>")
    with pytest.raises(WeightsError, match=r"rnet\.pt"):
        MTCNN(tmp_path)
