"""Fakes made of real videos, as the reader gives them: pairs, regions, views."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from fake_makers import SPEC, VIDEOS, Looks, Plain, Seam
from lightning_fabric import Fabric
from one_line import in_one_line
from tiny_training import SETTINGS
from tiny_training import train as trained
from torch import nn

import dfbench.faces.cut
from dfbench.catalogue.records import FAKE, REAL, VideoRecord
from dfbench.clips.loader import EpochBatches, TrainingClips, WholeVideos, training_loader
from dfbench.clips.reader import ClipReader
from dfbench.detector.network import Detector
from dfbench.errors import PluginError
from dfbench.faces.prepare import Prepared, prepare
from dfbench.faces.store import FaceStore
from dfbench.training.predict import predict

FABRIC = Fabric(accelerator="cpu", devices=1)


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
