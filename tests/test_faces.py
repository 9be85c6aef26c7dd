"""Finding a face, following one person, cutting it out."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from dfbench.catalogue.cards import ClipSpec
from dfbench.catalogue.records import Faces, VideoRecord
from dfbench.errors import DataError, PluginError, WeightsError
from dfbench.faces.geometry import (
    STORE_MARGIN,
    STORE_SIDE,
    Jitter,
    crop,
    cut,
    fit_similarity,
    geometry,
    square,
)
from dfbench.faces.tracks import check_faces, iou, link, main_track
from dfbench_faces.locate import Center, Given

YUNET = Path("data/weights/yunet/face_detection_yunet_2023mar.onnx")


def faces(*boxes: tuple[float, ...], scores: list[float] | None = None) -> Faces:
    """Upright faces in boxes (x0, y0, x1, y1)."""
    array = np.array(boxes, np.float32).reshape(-1, 4)
    corner, side = array[:, None, :2], (array[:, 2:] - array[:, :2])[:, None]
    marks = corner + side * np.array(
        [[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.75], [0.65, 0.75]]
    )
    return Faces(
        array, marks.astype(np.float32), np.array(scores or [0.9] * len(array), np.float32)
    )


def at(x: float, y: float, side: float) -> tuple[float, float, float, float]:
    return (x, y, x + side, y + side)


def record(**about) -> VideoRecord:
    return VideoRecord("v", Path("v.mp4"), 0, **about)


# --- overlap and tracks ---------------------------------------------------------------------


def test_iou():
    box = np.array(at(0, 0, 10), np.float32)
    others = np.array([at(0, 0, 10), at(5, 0, 10), at(20, 0, 10), at(10, 0, 5), at(2, 2, 5)])
    assert iou(box, others.astype(np.float32)) == pytest.approx([1, 1 / 3, 0, 0, 0.25])
    assert iou(box, np.zeros((0, 4), np.float32)).shape == (0,)


def test_main_track_is_the_large_face_not_the_sure_one():
    found = [faces(at(0, 0, 20), at(100, 50, 80), scores=[0.99, 0.7])] * 4
    track = main_track([0, 10, 20, 30], found)
    assert track.boxes[:, 0] == pytest.approx([100] * 4)
    assert track.scores == pytest.approx([0.7] * 4)


def test_main_track_is_the_long_one_not_a_large_flash():
    small, flash = at(10, 10, 60), at(200, 0, 90)
    found = [faces(small), faces(small, flash), faces(small), faces(small)]
    assert main_track([0, 1, 2, 3], found).boxes[:, 0] == pytest.approx([10] * 4)


def test_missed_frames_are_interpolated_in_time_and_marked():
    found = [faces(at(0, 0, 50)), faces(), faces(), faces(at(40, 20, 50)), faces()]
    track = main_track([10, 20, 40, 50, 90], found)
    assert track.frames.tolist() == [10, 20, 40, 50, 90]
    assert track.boxes[:, 0] == pytest.approx([0, 10, 30, 40, 40])
    assert track.landmarks[1, 0] == pytest.approx([0 + 10 + 15, 5 + 20])
    assert track.scores == pytest.approx([0.9, 0, 0, 0.9, 0])


def test_two_people_who_cross_keep_their_tracks():
    found = []
    for step in range(21):
        large, small = at(10 * step, 0, 100), at(200 - 10 * step, 20, 60)
        pair = [large, small] if step % 2 else [small, large]
        found.append(faces(*pair))
    tracks = link(found)
    assert sorted(len(track) for track in tracks) == [21, 21]
    track = main_track(list(range(21)), found)
    assert track.boxes[:, 0] == pytest.approx(10.0 * np.arange(21))


def test_every_face_belongs_to_one_track():
    rng = np.random.default_rng(3)
    found = [
        faces(
            *[at(*rng.uniform(0, 100, 2), rng.uniform(20, 60)) for _ in range(rng.integers(0, 5))]
        )
        for _ in range(30)
    ]
    linked = [face for track in link(found) for face in track]
    every = [(i, j) for i, f in enumerate(found) for j in range(len(f))]
    assert sorted(linked) == every
    assert all(len({i for i, _ in track}) == len(track) for track in link(found))


def test_a_lone_face_that_moved_far_is_still_the_same_person():
    found = [faces(at(0, 0, 40)), faces(at(300, 0, 40)), faces(at(0, 100, 40))]
    assert len(link(found)) == 1


def test_nobody_found():
    assert main_track([0, 1], [faces(), faces()]) is None


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        [],
        [faces()] * 2,
        [Faces(np.zeros((1, 4)), np.zeros((1, 5, 2)), np.zeros(2))],
        [Faces(np.zeros((1, 4)), np.zeros((1, 4, 2)), np.zeros(1))],
        [Faces(np.full((1, 4), np.nan), np.zeros((1, 5, 2)), np.zeros(1))],
        ["face"],
    ],
)
def test_a_face_detector_that_returns_nonsense_is_named(wrong):
    with pytest.raises(PluginError, match="'odd'"):
        check_faces(wrong, 1, "odd")


# --- face detectors -------------------------------------------------------------------------


def test_center_is_a_square_in_the_middle():
    found = Center().locate(record(), [0, 5], (100, 300))
    assert len(found) == 2
    x0, y0, x1, y1 = found[0].boxes[0]
    assert (x0 + x1, y0 + y1) == pytest.approx((300, 100))
    assert x1 - x0 == y1 - y0 == 75
    marks = found[0].landmarks[0]
    assert marks[0, 0] < marks[2, 0] < marks[1, 0]
    assert marks[0, 1] < marks[2, 1] < marks[3, 1]


def test_given_takes_the_boxes_of_the_asked_frames(tmp_path):
    f = faces(at(0, 0, 10), at(5, 5, 10), at(9, 9, 10))
    np.savez(tmp_path / "b.npz", frames=[4, 8, 2], boxes=f.boxes, landmarks=f.landmarks)
    found = Given().locate(record(boxes=tmp_path / "b.npz"), [2, 3, 8], (9, 9))
    assert [len(one) for one in found] == [1, 0, 1]
    assert found[0].boxes[0] == pytest.approx(at(9, 9, 10))
    assert found[2].landmarks[0] == pytest.approx(f.landmarks[1])


@pytest.mark.parametrize("content", [None, b"", b"no npz", b"PK\x03\x04 cut"])
def test_given_without_good_boxes_is_an_error(tmp_path, content):
    path = tmp_path / "b.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"b\.npz"):
        Given().locate(record(boxes=path), [0], (9, 9))
    with pytest.raises(DataError, match="ships no face boxes"):
        Given().locate(record(), [0], (9, 9))


def test_given_with_tables_of_other_lengths_is_an_error(tmp_path):
    np.savez(
        tmp_path / "b.npz", frames=[0, 1], boxes=np.zeros((1, 4)), landmarks=np.zeros((1, 5, 2))
    )
    with pytest.raises(DataError):
        Given().locate(record(boxes=tmp_path / "b.npz"), [1], (9, 9))


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


# --- similarity -----------------------------------------------------------------------------


def turned(angle: float, scale: float, shift: tuple[float, float]) -> np.ndarray:
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[c, -s, shift[0]], [s, c, shift[1]]])


@pytest.mark.parametrize("seed", range(10))
def test_similarity_recovers_an_exact_one_as_opencv_does(seed):
    rng = np.random.default_rng(seed)
    true = turned(rng.uniform(-3.1, 3.1), rng.uniform(0.1, 9), tuple(rng.uniform(-50, 50, 2)))
    points = rng.uniform(0, 100, (5, 2))
    moved = points @ true[:, :2].T + true[:, 2]
    assert fit_similarity(points, moved) == pytest.approx(true, abs=1e-9)
    opencv, _ = cv2.estimateAffinePartial2D(points, moved)
    assert fit_similarity(points, moved) == pytest.approx(opencv, abs=1e-4)


def test_similarity_is_the_least_squares_one_and_never_a_reflection():
    rng = np.random.default_rng(0)
    for _ in range(20):
        a, b = rng.normal(size=(5, 2)), rng.normal(size=(5, 2))
        found = fit_similarity(a, b)
        assert np.linalg.det(found[:, :2]) >= 0
        design = np.zeros((10, 4))  # b = (p, -q; q, p) a + (r, s), solved directly
        design[0::2] = np.column_stack([a[:, 0], -a[:, 1], np.ones(5), np.zeros(5)])
        design[1::2] = np.column_stack([a[:, 1], a[:, 0], np.zeros(5), np.ones(5)])
        p, q, r, s = np.linalg.lstsq(design, b.ravel(), rcond=None)[0]
        assert found == pytest.approx(np.array([[p, -q, r], [q, p, s]]), abs=1e-9)


# The unit mean face that face-warping artifacts align to: 51 points without the jaw.
_MEAN_FACE = np.array(
    [
        [0.000213256, 0.106454],
        [0.0752622, 0.038915],
        [0.18113, 0.0187482],
        [0.29077, 0.0344891],
        [0.393397, 0.0773906],
        [0.586856, 0.0773906],
        [0.689483, 0.0344891],
        [0.799124, 0.0187482],
        [0.904991, 0.038915],
        [0.98004, 0.106454],
        [0.490127, 0.203352],
        [0.490127, 0.307009],
        [0.490127, 0.409805],
        [0.490127, 0.515625],
        [0.36688, 0.587326],
        [0.426036, 0.609345],
        [0.490127, 0.628106],
        [0.554217, 0.609345],
        [0.613373, 0.587326],
        [0.121737, 0.216423],
        [0.187122, 0.178758],
        [0.265825, 0.179852],
        [0.334606, 0.231733],
        [0.260918, 0.245099],
        [0.182743, 0.244077],
        [0.645647, 0.231733],
        [0.714428, 0.179852],
        [0.793132, 0.178758],
        [0.858516, 0.216423],
        [0.79751, 0.244077],
        [0.719335, 0.245099],
        [0.254149, 0.780233],
        [0.340985, 0.745405],
        [0.428858, 0.727388],
        [0.490127, 0.742578],
        [0.551395, 0.727388],
        [0.639268, 0.745405],
        [0.726104, 0.780233],
        [0.642159, 0.864805],
        [0.556721, 0.902192],
        [0.490127, 0.909281],
        [0.423532, 0.902192],
        [0.338094, 0.864805],
        [0.290379, 0.784792],
        [0.428096, 0.778746],
        [0.490127, 0.785343],
        [0.552157, 0.778746],
        [0.689874, 0.784792],
        [0.553364, 0.824182],
        [0.490127, 0.831803],
        [0.42689, 0.824182],
    ]
)


def test_similarity_agrees_with_the_reference_of_face_warping_artifacts(shared):
    known = json.loads((shared / "reference" / "fwa.json").read_text())["values"]
    found = fit_similarity(np.array(known["points"], float)[17:], _MEAN_FACE)
    assert found == pytest.approx(np.array(known["correct_2x3"]), abs=1e-9)


# --- cutting --------------------------------------------------------------------------------


def test_square_holds_for_the_whole_clip_and_covers_the_face():
    boxes = np.array([at(10, 10, 40), at(12, 8, 40), at(200, 200, 40)], np.float32)
    x, y, side = square(boxes)  # the stray third box does not move it
    assert side == np.ceil(STORE_MARGIN * 40)
    assert (x + side / 2, y + side / 2) == pytest.approx((32, 30), abs=1)


def test_crop_copies_pixels_and_repeats_the_edge():
    image = np.random.default_rng(0).integers(0, 255, (50, 60, 3), np.uint8)
    patch, scale = crop(image, 10, 5, 20)
    assert scale == 1
    assert np.array_equal(patch, image[5:25, 10:30])
    patch, _ = crop(image, -3, 40, 20)
    assert np.array_equal(patch[:10, 3:], image[40:, :17])
    assert np.array_equal(patch[-1, 3:], image[-1, :17])
    assert np.array_equal(patch[0, :3], np.repeat(image[40:41, 0], 3, 0))


def test_crop_of_a_large_face_is_reduced_and_says_by_how_much():
    image = np.full((900, 900, 3), 77, np.uint8)
    patch, scale = crop(image, 20, 20, 800)
    assert patch.shape == (STORE_SIDE, STORE_SIDE, 3)
    assert scale == pytest.approx(STORE_SIDE / 800)
    assert (patch == 77).all()


def test_crop_outside_the_picture_is_black_and_not_an_exception():
    patch, _ = crop(np.full((20, 20, 3), 9, np.uint8), 100, 100, 10)
    assert patch.shape == (10, 10, 3)
    assert not patch.any()


@pytest.mark.parametrize("resize", ["bilinear", "area", "nearest"])
def test_cut_at_the_stored_scale_is_the_identity(resize):
    side = 90
    frames = np.random.default_rng(1).integers(0, 255, (3, side, side, 3), np.uint8)
    box = faces(at(20, 20, 50))
    spec = ClipSpec(frames=3, size=side, margin=side / 50, resize=resize)
    done = cut(frames, np.repeat(box.boxes, 3, 0), np.repeat(box.landmarks, 3, 0), spec)
    assert np.array_equal(done, frames)


def test_flip_is_exactly_the_mirrored_picture():
    frames = np.random.default_rng(1).integers(0, 255, (2, 90, 90, 3), np.uint8)
    box = faces(at(20, 20, 50))
    boxes, marks = np.repeat(box.boxes, 2, 0), np.repeat(box.landmarks, 2, 0)
    spec = ClipSpec(frames=2, size=90, margin=90 / 50)
    assert np.array_equal(cut(frames, boxes, marks, spec, Jitter(flip=True)), frames[:, :, ::-1])


@pytest.mark.parametrize("align", ["box", "similarity"])
def test_one_geometry_a_clip(align):
    """A box that jitters does not make the picture jitter."""
    frame = np.random.default_rng(2).integers(0, 255, (100, 100, 3), np.uint8)
    frames = np.stack([frame] * 5)
    noise = np.random.default_rng(0).normal(0, 3, (5, 2))
    found = [faces(at(30 + dx, 30 + dy, 40)) for dx, dy in noise]
    boxes = np.concatenate([f.boxes for f in found])
    marks = np.concatenate([f.landmarks for f in found])
    done = cut(frames, boxes, marks, ClipSpec(frames=5, size=64, align=align))
    assert all(np.array_equal(done[0], other) for other in done[1:])


@pytest.mark.parametrize("align", ["box", "similarity"])
def test_a_stray_face_in_one_frame_does_not_move_the_clip(align):
    steady, stray = faces(at(30, 30, 40)), faces(at(60, 60, 20))
    spec = ClipSpec(size=64, align=align)
    boxes = np.concatenate([stray.boxes, *[steady.boxes] * 4])
    marks = np.concatenate([stray.landmarks, *[steady.landmarks] * 4])
    alone = geometry(steady.boxes, steady.landmarks, spec)
    assert geometry(boxes, marks, spec) == pytest.approx(alone)


@pytest.mark.parametrize("margin", [1.0, 1.3, 1.7])
def test_margin_is_in_units_of_the_longer_side_of_the_face(margin):
    box = np.array([[30, 20, 70, 80]], np.float32)  # 40 wide, 60 high, centre (50, 50)
    marks = faces(at(30, 20, 40)).landmarks
    matrix = geometry(box, marks, ClipSpec(size=120, margin=margin))
    assert matrix @ [50, 50, 1] == pytest.approx([60, 60])
    top, bottom = matrix @ [50, 20, 1], matrix @ [50, 80, 1]
    assert bottom[1] - top[1] == pytest.approx(120 / margin)


@pytest.mark.parametrize("angle", [-40, -10, 0, 25])
def test_alignment_puts_the_eyes_level(angle):
    upright = faces(at(100, 100, 80))
    turn = cv2.getRotationMatrix2D((140, 140), angle, 1)
    marks = (upright.landmarks[0] @ turn[:, :2].T + turn[:, 2])[None].astype(np.float32)
    spec = ClipSpec(size=256, align="similarity")
    matrix = geometry(upright.boxes, marks, spec)
    placed = marks[0] @ matrix[:, :2].T + matrix[:, 2]
    assert placed[0, 1] == pytest.approx(placed[1, 1], abs=0.5)
    assert placed[0, 0] < placed[1, 0]
    assert placed[:2, 1].mean() < 128 < placed[3:, 1].mean()
    level = geometry(upright.boxes, upright.landmarks, spec)
    assert placed == pytest.approx(upright.landmarks[0] @ level[:, :2].T + level[:, 2], abs=0.5)


def test_jitter_scales_and_shifts():
    box = faces(at(30, 30, 40))
    spec = ClipSpec(size=100, margin=1.3)
    plain = geometry(box.boxes, box.landmarks, spec)
    moved = Jitter(scale=2.0, shift=(0.1, -0.2)).moved(plain, spec.size)
    assert moved @ [50, 50, 1] == pytest.approx(plain @ [50, 50, 1] + [10, -20])
    assert moved[0, 0] == pytest.approx(plain[0, 0] / 2)


def test_reducing_averages_instead_of_skipping_pixels():
    stripes = np.zeros((200, 200, 3), np.uint8)
    stripes[:, ::2] = 255
    box = faces(at(50, 50, 100))
    small = cut(stripes[None], box.boxes, box.landmarks, ClipSpec(size=25, margin=2.0))
    assert np.abs(small.astype(int) - 127).max() <= 2
