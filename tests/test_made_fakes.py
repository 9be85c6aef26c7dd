"""Detectors that make their own fakes: real videos alone, regions, views, landmarks."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from test_training import SETTINGS
from test_training import train as trained
from torch import nn

import dfbench.faces.cut
from dfbench.catalogue.cards import ClipSpec, DatasetCard, DetectorCard, Recipe
from dfbench.catalogue.hookspecs import hookimpl
from dfbench.catalogue.plugins import Catalogue
from dfbench.catalogue.records import FAKE, REAL, VideoRecord
from dfbench.catalogue.reporter import Reporter
from dfbench.clips.augment import Augmentation
from dfbench.clips.loader import EpochBatches, TrainingClips, WholeVideos, training_loader
from dfbench.clips.reader import ClipReader
from dfbench.detector.network import Detector
from dfbench.errors import DataError, DfbenchError, PluginError, SplitError
from dfbench.faces.geometry import Jitter, five_points
from dfbench.faces.prepare import Prepared, prepare
from dfbench.faces.store import FaceStore
from dfbench.results.predictions import read_predictions
from dfbench.running.request import Request
from dfbench.running.runner import run
from dfbench.training.predict import predict

SPEC = ClipSpec(frames=2, windows=2, size=16)
FABRIC = Fabric(accelerator="cpu", devices=1)


class Seam(nn.Module):
    """Makes fakes by turning the colours over, and draws more numbers for a fake than for a real
    clip, as making one does."""

    def __init__(self, size: int = 16, landmarks: int = 5) -> None:
        super().__init__()
        self.size, self.landmarks = size, landmarks
        self.head = nn.Linear(3, 1)

    def forward(self, clips):
        return self.head(clips.mean((2, 3, 4)))[:, 0]

    def stages(self):
        return [("head", [self.head])]

    def training_clips(self, frames, boxes, landmarks, label, rng):
        side = frames.shape[1]
        assert frames.shape == (len(boxes), side, side, 3)
        assert (boxes.shape[1:], landmarks.shape[1:]) == ((4,), (self.landmarks, 2))
        assert (boxes.dtype, landmarks.dtype) == (np.float32, np.float32)
        # The wide crop in its own pixels: the face lies inside it.
        assert (boxes[:, :2] > 0).all()
        assert (boxes[:, 2:] < side).all()
        if label == FAKE:
            rng.random(5)
            return 255 - frames
        return frames


class Looks(Seam):
    """Seam with regions, its own augmentation, and the highest view's score."""

    def regions(self, boxes, _landmarks, rng):
        x0, y0, x1, y1 = np.median(boxes, axis=0)
        xm, ym = (x0 + x1) / 2, (y0 + y1) / 2
        if rng is not None:
            dx, dy = rng.uniform(0, 5, 2)
            return np.array([[x0 + dx, y0 + dy, x1, y1]])
        return np.array([[x0, y0, xm, ym], [xm, y0, x1, ym], [x0, ym, xm, y1], [x0, y0, x1, y1]])

    def combine(self, scores):
        assert scores.shape == (4,)
        return scores.max()

    def augment(self, rng):
        turn = Jitter(scale=float(rng.uniform(0.9, 1.1)), flip=bool(rng.integers(2)))
        return Augmentation(turn, brightness=1.0)


class Plain(nn.Module):
    """What learns from both classes, for comparison."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(3, 1)

    forward, stages = Seam.forward, Seam.stages


# --- data -----------------------------------------------------------------------------------


def points68(side: float) -> np.ndarray:
    """68 points that all differ, inside a square."""
    n = np.arange(68)
    return np.stack([0.1 + 0.8 * (n % 9) / 8, 0.1 + 0.8 * (n // 9) / 7], axis=1) * side


def shipped(root: Path, points: int) -> Iterable[VideoRecord]:
    """``videos.csv`` of a folder, with a box and so many landmarks a frame."""
    with (root / "videos.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    marks = np.array([8, 8]) + (points68(48.0) if points == 68 else points68(48.0)[:5])
    table = root / f"faces{points}.npz"
    np.savez(
        table,
        frames=np.arange(6),
        boxes=np.tile([8.0, 8, 56, 56], (6, 1)),
        landmarks=np.tile(marks, (6, 1, 1)),
    )
    for row in rows:
        fake = row["label"] == "fake"
        yield VideoRecord(
            row["path"],
            root / row["path"],
            int(fake),
            row["split"],
            boxes=table,
            method=row["method"] if fake else None,
        )


@hookimpl
def dfbench_detectors() -> list[DetectorCard]:
    recipe = Recipe(epochs=2, batch_size=4, lr=0.1, augment="none", clips_per_video=1)
    options = {"size": 16, "landmarks": 5}
    own = replace(recipe, augment="own")
    return [
        DetectorCard(
            name="seam",
            summary="",
            target=f"{__name__}:Seam",
            clip=SPEC,
            recipe=recipe,
            options=options,
        ),
        DetectorCard(
            name="looks",
            summary="",
            target=f"{__name__}:Looks",
            clip=SPEC,
            recipe=own,
            options=options,
        ),
        DetectorCard(
            name="plain", summary="", target=f"{__name__}:Plain", clip=SPEC, recipe=recipe
        ),
    ]


@hookimpl
def dfbench_datasets() -> list[DatasetCard]:
    return [
        DatasetCard(name="shipped", summary="", target=f"{__name__}:shipped", options={"points": 5})
    ]


@pytest.fixture(scope="module")
def known() -> Catalogue:
    mine = EntryPoint("mine", __name__, "dfbench")
    return Catalogue(iter([*entry_points(group="dfbench"), mine]))


VIDEOS = [
    (f"{split}-{kind}{n}.mp4", kind, split)
    for split, many in (("train", 3), ("val", 2), ("test", 2))
    for kind in ("real", "fake")
    for n in range(many)
]


@pytest.fixture(scope="module")
def originals(make_video, tmp_path_factory) -> Path:
    """Dark real videos and light fakes: what turning the colours over has taught, the test has."""
    folder = tmp_path_factory.mktemp("originals")
    for number, (name, kind, _) in enumerate(VIDEOS):
        colour = (60 if kind == "real" else 200) + 2 * number

        def draw(n: int, colour: int = colour) -> np.ndarray:
            image = np.full((64, 64, 3), colour, np.uint8)
            image[16:32, 16:32] //= 2
            image[:, :, n % 3] += 5
            return image

        make_video(folder / name, frames=6, size=(64, 64), draw=draw, g=1, crf=10)
    return folder


@pytest.fixture
def dataset(originals, tmp_path) -> Callable[..., Path]:
    """A folder with those videos that ``keep`` wants listed: ``name, kind, split, method``."""

    def make(name: str = "data", keep=lambda kind, split: True, method: str = "swap") -> Path:
        folder = tmp_path / name
        folder.mkdir()
        rows = [row for row in VIDEOS if keep(*row[1:])]
        for file, _, _ in rows:
            (folder / file).write_bytes((originals / file).read_bytes())
        lines = ["path,label,split,method", *(f"{f},{k},{s},{method}" for f, k, s in rows)]
        (folder / "videos.csv").write_text("\n".join(lines) + "\n")
        return folder

    return make


@pytest.fixture
def go(known, tmp_path, monkeypatch):
    """Run a detector on a folder; the model's folder, and its result."""
    monkeypatch.setenv("DFBENCH_TRACKING", "off")

    def go(root: Path, detector: str = "seam", dataset: str = "folder", out: str = "runs", **asked):
        asked = {"faces": "center", "device": "cpu", "workers": 0, **asked}
        request = Request(
            detector=detector,
            train=dataset,
            tests=(dataset,),
            out=tmp_path / out,
            data_roots={"": root},
            cache=tmp_path / "cache",
            **asked,
        )
        (result,) = run(request, known, Reporter())
        return result.spec.model_folder(tmp_path / out), result

    return go


def in_one_line(caught: pytest.ExceptionInfo[DfbenchError]) -> str:
    text = str(caught.value)
    assert "\n" not in text
    assert "Traceback" not in text
    return text


# --- the run --------------------------------------------------------------------------------


@pytest.mark.parametrize("detector", ["seam", "looks"])
def test_a_run_learns_from_real_videos_and_is_chosen_on_both_classes(dataset, go, detector):
    model, result = go(dataset(), detector, epochs=8)
    data = result.spec.model.train.data
    assert data.videos == 5  # three to train on, two to choose by
    assert any("makes its own fakes" in note and "5 real videos" in note for note in result.notes)
    rows = read_predictions(model / "validation.csv")
    expected = [
        (name, clip, label, method)
        for video in ("val-real0.mp4", "val-real1.mp4")
        for name, label, method in ((video, REAL, None), (f"{video}#made", FAKE, "made"))
        for clip in range(2)
    ]
    assert [(row.video, row.clip, row.label, row.method or None) for row in rows] == expected
    assert {row.status for row in rows} == {"ok"}
    assert all(row.score > 0.5 for row in rows if row.label == FAKE)
    assert all(row.score < 0.5 for row in rows if row.label == REAL)
    assert result.metric("video/auc").value == 1.0
    tested = read_predictions(model / "folder" / result.spec.run_id)
    assert {row.method for row in tested if row.label == FAKE} == {"swap"}
    assert not any("#" in row.video for row in tested)


def test_the_fakes_of_train_and_val_are_never_looked_at(dataset, go, monkeypatch):
    opened: list[str] = []
    open_video = dfbench.faces.cut.open_video

    def spy(path: Path):
        opened.append(path.name)
        return open_video(path)

    monkeypatch.setattr(dfbench.faces.cut, "open_video", spy)
    whole = dataset("whole")
    model, result = go(whole)
    assert opened
    assert not any("fake" in name and not name.startswith("test") for name in opened)
    unseen = [file for file in whole.glob("*-fake*.mp4") if not file.name.startswith("test")]
    assert len(unseen) == 5

    numbers = (model / "model.safetensors").read_bytes()
    for state in ("poisoned", "gone"):
        for file in unseen:
            if state == "gone":
                file.unlink()
            else:
                file.write_text("no video")
        again, changed = go(whole, out=state)
        assert again.name == model.name == result.spec.model.model_id
        assert changed.spec.run_id == result.spec.run_id
        assert (again / "model.safetensors").read_bytes() == numbers
    real_alone = dataset("real", lambda kind, split: kind == "real" or split == "test")
    again, changed = go(real_alone, out="real")
    assert again.name == model.name
    assert (again / "model.safetensors").read_bytes() == numbers
    assert (again / "validation.csv").read_bytes() == (model / "validation.csv").read_bytes()


def test_another_real_video_is_another_model(dataset, go):
    model, _ = go(dataset("one"), epochs=1)
    fewer = dataset("two", lambda kind, split: (kind, split) != ("real", "val"))
    file = fewer / "val-real0.mp4"
    file.write_bytes((fewer.parent / "one" / file.name).read_bytes())
    with (fewer / "videos.csv").open("a") as lines:
        lines.write(f"{file.name},real,val,\n")
    again, _ = go(fewer, epochs=1, out="other")
    assert again.name != model.name


@pytest.mark.parametrize("split", ["train", "val"])
def test_without_real_videos_there_is_nothing_to_learn_from(dataset, go, tmp_path, split):
    fakes = dataset("fakes", lambda kind, where: kind == "fake" or where != split)
    with pytest.raises(SplitError) as caught:
        go(fakes)
    assert in_one_line(caught).startswith(f"folder has no real {split} videos")
    assert not (tmp_path / "runs").exists()


def test_real_videos_that_cannot_be_used_are_told(dataset, go):
    broken = dataset()
    for file in broken.glob("val-real*.mp4"):
        file.write_text("no video")
    with pytest.raises(SplitError) as caught:
        go(broken)
    assert "no usable real video (unreadable)" in in_one_line(caught)


def test_who_learns_from_both_classes_needs_both(dataset, go):
    real_alone = dataset("real", lambda kind, split: kind == "real" or split == "test")
    with pytest.raises(SplitError, match=r"fake"):
        go(real_alone, "plain")


# --- the reader -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made(known, originals, tmp_path_factory) -> tuple[FaceStore, dict[str, list[Prepared]]]:
    """All videos in a store, by split."""
    store = FaceStore(tmp_path_factory.mktemp("store"))
    records = [
        VideoRecord(
            name,
            originals / name,
            int(kind == "fake"),
            split,
            method="made" if kind == "fake" else None,
        )
        for name, kind, split in VIDEOS
    ]
    center = dfbench.faces.cut.FaceFinder(known.faces("center")[1])
    done = prepare(records, SPEC, center, store)
    splits = ("train", "val", "test")
    return store, {s: [video for video in done if video.record.split == s] for s in splits}


def reader(made, split: str, network: nn.Module, real: bool = True, spec=SPEC) -> ClipReader:
    store, videos = made
    chosen = [v for v in videos[split] if v.record.label == REAL or not real]
    return ClipReader(chosen, store, spec, Detector(network, spec).rules())


@pytest.mark.parametrize(
    ("network", "augment"),
    [(Seam(), "none"), (Seam(), "study"), (Looks(), "own"), (Looks(), "study")],
)
def test_a_real_clip_and_its_fake_lie_in_one_batch_and_are_cut_alike(made, network, augment):
    """The fake is the real clip turned over, so a pair adds up to 255 wherever both were cut, moved
    and turned alike: only the rounding of each may differ. (``study`` makes both brighter.)"""
    source = reader(made, "train", network)
    batches = EpochBatches(source.videos, 0, 4, seed=1, pairs=True)
    batches.epoch = 3
    clips = TrainingClips(source, augment, 1)
    seen = []
    for batch in batches:
        assert len(batch) == 4
        pairs = list(zip(batch[::2], batch[1::2], strict=True))
        for real, fake in pairs:
            assert real[:2] + real[3:] == fake[:2] + fake[3:]
            assert (real[2], fake[2]) == (REAL, FAKE)
            one, two = (clips[pick][0].numpy().astype(int) for pick in (real, fake))
            seen.append(real[:2])
            if augment == "study":  # the dark square lies at the same place
                edges = [np.abs(np.diff(clip.mean(-1), axis=1)) > 8 for clip in (one, two)]
                assert np.logical_xor(*edges).mean() < 0.03
            else:
                assert abs(one + two - 255).max() <= 2
    assert sorted(seen) == [(video, window) for video in range(3) for window in range(2)]


@pytest.mark.parametrize(("batch_size", "expected"), [(1, 2), (2, 2), (5, 4), (8, 6), (100, 12)])
def test_a_batch_is_of_whole_pairs(made, batch_size, expected):
    batches = EpochBatches(reader(made, "train", Seam()).videos, 0, batch_size, 0, pairs=True)
    found = [len(batch) for batch in batches]
    assert max(found) == expected
    assert all(size % 2 == 0 for size in found)
    assert sum(found) == 12


@pytest.mark.parametrize("augment", ["own", "strong"])
def test_workers_change_nothing(made, tmp_path, augment):
    train, val = reader(made, "train", Looks()), reader(made, "val", Looks()).with_made()
    settings = replace(SETTINGS, augment=augment, epochs=2)
    for workers in (0, 2):
        torch.manual_seed(0)
        trained([train, val], tmp_path / str(workers), settings, Detector(Looks(), SPEC), workers)
    one, two = ((tmp_path / str(n) / "model.safetensors").read_bytes() for n in (0, 2))
    assert one == two
    lines = (tmp_path / "0" / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2]


def test_fakes_to_choose_by_are_the_same_in_every_epoch(made):
    class Noisy(Seam):
        def training_clips(self, frames, _boxes, _landmarks, label, rng):
            noise = rng.integers(0, 100, frames.shape).astype(np.uint8)
            return noise if label == FAKE else frames

    val = reader(made, "val", Noisy()).with_made()
    assert [v.record.label for v in val.videos] == [REAL, FAKE] * 2
    once, again = ([val.views(n, [0, 1]) for n in range(4)] for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(once, again, strict=True))
    assert not torch.equal(once[1], once[3])
    plain = reader(made, "val", Plain())
    assert torch.equal(once[0], plain.views(0, [0, 1]))
    thin = val.thinned(1)
    assert [sum(video.usable) for video in thin.videos] == [1] * 4
    (window,) = np.flatnonzero(thin.videos[3].usable).tolist()
    assert torch.equal(thin.views(3, [window])[0], once[3][window])


def test_a_test_video_is_shown_as_it_is_whatever_its_method_is_called(made):
    """Fakes of a dataset may bear the method "made": they must not be made over."""
    seam, plain = (reader(made, "test", net, real=False) for net in (Seam(), Plain()))
    assert {v.record.method for v in seam.videos} == {None, "made"}
    for number in range(len(seam.videos)):
        assert torch.equal(seam.views(number, [0, 1]), plain.views(number, [0, 1]))


def test_rules_hold_no_numbers_and_leave_the_network_alone():
    network = Looks()
    rules = Detector(network, SPEC).rules()
    assert {p.device.type for p in rules.parameters()} == {"meta"}
    assert {p.device.type for p in network.parameters()} == {"cpu"}
    assert Detector(Plain(), SPEC).rules() is None


# --- regions --------------------------------------------------------------------------------


def test_views_are_the_regions_and_a_clips_score_is_their_combination(made):
    """Views by slicing the stored crop, scores by hand from what the views show."""
    network = Looks()
    with torch.no_grad():
        network.head.weight.fill_(4.0)
        network.head.bias.fill_(-3.0)
    source = reader(made, "test", network, real=False)
    views = source.views(0, [0, 1])
    assert views.shape == (2, 4, 2, 16, 16, 3)
    store, videos = made
    place, frames = next(store.clips(videos["test"][0].key, [0]))
    x0, y0, x1, y1 = np.round(place.boxes[0]).astype(int)
    xm, ym = (x0 + x1) // 2, (y0 + y1) // 2
    parts = [(y0, ym, x0, xm), (y0, ym, xm, x1), (ym, y1, x0, xm), (y0, y1, x0, x1)]
    for view, (top, bottom, left, right) in zip(views[0], parts, strict=True):
        seen = frames[:, top:bottom, left:right]
        assert view.double().mean().item() == pytest.approx(seen.mean(), abs=2)

    detector = Detector(network, SPEC)
    rows = [r for chunk in predict(detector, source, "d", 3, 0, FABRIC) for r in chunk]
    assert len(rows) == 8
    for row in rows:
        number = [v.record.id for v in source.videos].index(row.video)
        shown = source.views(number, [row.clip])[0].double() / 255
        scores = torch.sigmoid(4 * shown.mean((1, 2, 3)).sum(1) - 3)
        assert row.score == pytest.approx(scores.max().item(), abs=1e-5)
        assert scores.max() > scores.min()


def test_training_cuts_one_region_and_draws_another_each_time(made):
    clips = TrainingClips(reader(made, "train", Looks()), "none", 0)
    drawn = [clips[0, 0, REAL, epoch][0] for epoch in range(3)]
    assert all(clip.shape == (2, 16, 16, 3) for clip in drawn)
    assert not torch.equal(drawn[0], drawn[1])
    assert torch.equal(drawn[0], clips[0, 0, REAL, 0][0])


@pytest.mark.parametrize(
    "wrong",
    [
        lambda rng: np.zeros((2 if rng else 1, 4)),
        lambda rng: np.zeros((0, 4)),
        lambda rng: np.zeros((1, 3)),
        lambda rng: np.zeros(4),
        lambda rng: np.full((1, 4), np.nan),
    ],
)
def test_regions_of_another_shape_are_the_plugins_fault(made, wrong):
    class Wrong(Seam):
        def regions(self, _boxes, _landmarks, rng):
            return wrong(rng)

    source = reader(made, "train", Wrong())
    with pytest.raises(PluginError) as caught:
        source.training_clip((0, 0, REAL, 1), "none", 0)
    assert "regions of Wrong" in in_one_line(caught)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (
            lambda frames: frames.astype(np.float32),
            r"returned float32 of shape \(2, 87, 87, 3\) for",
        ),
        (
            lambda frames: frames[:, :20],
            r"returned uint8 of shape \(2, 20, 87, 3\) for clips uint8",
        ),
        (lambda frames: frames.tolist(), "returned list of shape"),
        (lambda frames: None, "returned NoneType of shape"),
    ],
)
@pytest.mark.parametrize("workers", [0, 1])
def test_training_clips_of_another_kind_are_the_plugins_fault(made, tmp_path, wrong, says, workers):
    class Wrong(Seam):
        def training_clips(self, frames, _boxes, _landmarks, label, _rng):
            return wrong(frames) if label == FAKE else frames

    train, val = reader(made, "train", Wrong()), reader(made, "val", Wrong()).with_made()
    with pytest.raises(PluginError, match=f"training_clips of Wrong {says}") as caught:
        trained([train, val], tmp_path / "a", detector=Detector(Wrong(), SPEC), workers=workers)
    in_one_line(caught)


def test_a_plugins_own_error_in_a_worker_is_not_taken_for_lack_of_memory(made):
    class Breaks(Seam):
        def training_clips(self, *_):
            raise RuntimeError("the plugin's own")

    from dfbench.clips.loader import each

    source = reader(made, "train", Breaks())
    batches = EpochBatches(source.videos, 0, 4, 0, pairs=True)
    loader = training_loader(TrainingClips(source, "none", 0), batches, 1, False)
    with pytest.raises(RuntimeError, match="the plugin's own"):
        list(each(loader))


def test_whole_videos_have_a_place_for_views(made):
    number, clips = WholeVideos(reader(made, "val", Seam()))[1]
    assert number == 1
    assert clips.shape == (2, 1, 2, 16, 16, 3)


# --- landmarks ------------------------------------------------------------------------------


def test_68_landmarks_where_there_are_five_are_asked_for_in_vain(dataset, go):
    with pytest.raises(DataError) as caught:
        go(dataset(), "seam:landmarks=68", "shipped", faces="given")
    text = in_one_line(caught)
    assert text.startswith("68 landmarks are asked for, and given 1 gives 5")
    assert "landmarks=5" in text


@pytest.mark.parametrize("asked", [5, 68])
def test_a_detector_is_given_as_many_landmarks_as_it_asks_for(dataset, go, asked):
    """``Seam`` asserts the shape. The dataset ships 68: who asks for five gets the five."""
    _, result = go(dataset(), f"seam:landmarks={asked}", "shipped:points=68", faces="given")
    assert result.status == "finished"
    assert result.spec.model.clip.landmarks == asked


def test_68_points_pass_through_the_store_as_they_are(known, dataset, tmp_path):
    root = dataset()
    records = list(shipped(root, 68))[:2]
    store = FaceStore(tmp_path / "faces")
    given = dfbench.faces.cut.FaceFinder(known.faces("given")[1])
    spec = replace(SPEC, landmarks=68)
    videos = prepare(records, spec, given, store)
    place, _ = next(store.clips(videos[0].key, [1]))
    in_picture = np.asarray(place.landmarks) + place.square[:2]
    assert in_picture == pytest.approx(np.tile(8 + points68(48.0), (2, 1, 1)), abs=0.006)
    assert videos[0].key == prepare(records, SPEC, given, store)[0].key  # kept once for both


def test_the_five_of_68_are_eyes_nose_and_mouth():
    points = points68(1.0)
    expected = [points[36:42].mean(0), points[42:48].mean(0), points[30], points[48], points[54]]
    assert five_points(points) == pytest.approx(np.stack(expected))
    both = five_points(np.stack([points, points + 1])[:, None])
    assert both.shape == (2, 1, 5, 2)
    assert both[1, 0] == pytest.approx(np.stack(expected) + 1)
    assert five_points(points[:5]) == pytest.approx(points[:5])
