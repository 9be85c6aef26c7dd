"""The built-in dataset: reproducible, leak-free, and what it claims about one frame and many."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from repository import SHARED

import dfbench_sample
from dfbench.catalogue.records import VideoRecord
from dfbench.catalogue.reporter import Advance, Reporter
from dfbench.errors import DataError, OptionError
from dfbench_sample import records
from dfbench_sample.drawing.people import PEOPLE, SPLIT_SIZES, stream
from dfbench_sample.encode import sensor, write_video
from dfbench_sample.generate import generate, make
from dfbench_sample.plan import Video, plan
from dfbench_sample.take import Take, shuffled

PERSON = PEOPLE - 1  # the one person that ``people=1`` makes, of the test split
YUNET = SHARED / "data/weights/yunet/face_detection_yunet_2023mar.onnx"


def decode(path: Path) -> np.ndarray:
    """All frames, luma only, float32 [N, H, W]."""
    with av.open(str(path)) as file:
        frames = [frame.to_ndarray(format="gray") for frame in file.decode(video=0)]
    return np.stack(frames).astype(np.float32)


def packets(path: Path) -> list[tuple[int, bool]]:
    """Size and key flag of each coded frame."""
    with av.open(str(path)) as file:
        return [(p.size, bool(p.is_keyframe)) for p in file.demux(video=0) if p.size]


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(20 * np.log10(255 / np.sqrt(np.mean((a - b) ** 2))))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One person's videos of both cards."""
    root = tmp_path_factory.mktemp("sample")
    generate(root, people=1, workers=1)
    generate(root, people=1, workers=1, control=True)
    return root


@pytest.fixture(scope="module")
def by_id(root: Path) -> dict[str, VideoRecord]:
    return {r.id: r for r in chain(records.sample(root), records.control(root))}


def test_splits_share_no_person_and_the_control_is_test_only() -> None:
    rows = [video.row() for family in plan(0, control=False) for video in family]
    control = [video.row() for family in plan(0, control=True) for video in family]
    people = {
        split: {i for r in rows if r["split"] == split for i in r["identities"]}
        for split, _ in SPLIT_SIZES
    }
    assert {split: len(found) for split, found in people.items()} == dict(SPLIT_SIZES)
    assert len(set.union(*people.values())) == sum(map(len, people.values())) == PEOPLE
    assert {i for r in control for i in r["identities"]} == people["test"]
    for listed in (rows, control):
        ids = [r["id"] for r in listed]
        assert len(set(ids)) == len(ids)
        assert all(r["original"] in ids for r in listed if r["label"])
        assert sum(r["label"] for r in listed) == 2 * sum(not r["label"] for r in listed)
    real = [r for r in control if not r["label"]]
    assert all(r in rows for r in real)
    assert all(r["donor"] not in (None, r["person"]) for r in rows if r["method"] == "warp")


def test_cards_agree_with_the_plan() -> None:
    for card in dfbench_sample.dfbench_datasets():
        listed = list(chain(*plan(0, control=card.name == "sample-control")))
        fakes = sum(video.method is not None for video in listed)
        assert card.counts == {"real": len(listed) - fakes, "fake": fakes}
        assert card.options == {"seed": 0, "qp": records.DEFAULT_QP}
        assert callable(card.resolve())


def test_records_are_complete(by_id: dict[str, VideoRecord]) -> None:
    assert len(by_id) == 10
    for record in by_id.values():
        assert record.split == "test"
        assert record.group == f"person-{PERSON:02d}"
        assert f"sample-0/person-{PERSON:02d}" in record.identities
        assert record.boxes is not None
        with np.load(record.boxes) as given:
            assert given["frames"].dtype == np.int64
            assert given["boxes"].shape == (48, 4)
            assert given["landmarks"].shape == (48, 5, 2)
        assert len(packets(record.path)) == 48


def test_same_seed_same_bytes(root: Path, tmp_path: Path) -> None:
    family = plan(0, control=False, people=1)[0]
    make(tmp_path, family, records.DEFAULT_QP)
    for made in sorted(p for p in tmp_path.rglob("*") if p.is_file()):
        first = records.folder_of(root, 0, records.DEFAULT_QP) / made.relative_to(tmp_path)
        assert made.read_bytes() == first.read_bytes(), made.name


def test_another_seed_and_another_quantiser_give_other_bytes(root: Path, tmp_path: Path) -> None:
    first = records.folder_of(root, 0, records.DEFAULT_QP) / f"real/p{PERSON}-0.mp4"
    make(tmp_path / "seed", [Video(1, PERSON, 0)], records.DEFAULT_QP)
    make(tmp_path / "qp", [Video(0, PERSON, 0)], 35)
    other, coarser = (tmp_path / name / f"real/p{PERSON}-0.mp4" for name in ("seed", "qp"))
    assert psnr(decode(other), decode(first)) < 20
    assert coarser.stat().st_size < first.stat().st_size / 3


def test_every_frame_is_coded_by_itself(by_id: dict[str, VideoRecord], tmp_path: Path) -> None:
    assert all(key for r in by_id.values() for _, key in packets(r.path))
    rng = np.random.default_rng(0)
    clean = [np.full((64, 64, 3), 40 + 9 * i, np.uint8) for i in range(20)]
    frames = [sensor(image, rng) for image in clean]
    order = rng.permutation(len(frames))
    write_video(tmp_path / "a.mp4", frames, 23)
    write_video(tmp_path / "b.mp4", [frames[i] for i in order], 23)
    assert np.array_equal(decode(tmp_path / "a.mp4")[order], decode(tmp_path / "b.mp4"))
    a, b = ([size for size, _ in packets(tmp_path / f"{name}.mp4")] for name in "ab")
    # The first frame carries the encoder's settings; a frame's parity costs up to a byte.
    moved = [abs(a[i] - b[j]) for j, i in enumerate(order) if i and j]
    assert max(moved) <= 1


def test_flicker_is_the_real_video_in_another_order(by_id: dict[str, VideoRecord]) -> None:
    real, fake = by_id[f"real/p{PERSON}-0"], by_id[f"flicker/p{PERSON}-0"]
    order = shuffled(Video(0, PERSON, 0, "flicker"), 48)
    assert sorted(order) == list(range(48))
    a, b = decode(real.path), decode(fake.path)
    assert min(psnr(b[i], a[order[i]]) for i in range(48)) > 37
    assert np.mean([psnr(b[i], a[i]) for i in range(48)]) < 30
    with np.load(str(real.boxes)) as x, np.load(str(fake.boxes)) as y:
        assert np.array_equal(x["boxes"][order], y["boxes"])
        assert np.array_equal(x["landmarks"][order], y["landmarks"])


def test_no_single_frame_tells_flicker_from_real(by_id: dict[str, VideoRecord]) -> None:
    def traits(record: VideoRecord) -> np.ndarray:
        """Brightness, contrast, fine detail and coded size, [N, 4]."""
        frames = decode(record.path)
        fine = [cv2.Laplacian(f, cv2.CV_32F).var() for f in frames]
        sizes = [size for size, _ in packets(record.path)]
        return np.stack([frames.mean((1, 2)), frames.std((1, 2)), fine, sizes], 1)

    for take in (0, 1):
        order = shuffled(Video(0, PERSON, take, "flicker"), 48)
        real = traits(by_id[f"real/p{PERSON}-{take}"])[order]
        fake = traits(by_id[f"flicker/p{PERSON}-{take}"])
        both = (np.arange(48) > 0) & (order > 0)  # a first frame carries the encoder's settings
        ratio = fake[both] / real[both]
        assert np.abs(ratio - 1).max() < 0.05
        assert np.abs(ratio.mean(0) - 1).max() < 0.005


def test_the_first_frame_is_like_any_other() -> None:
    for number in (0, 1):
        frames = Take(0, PERSON, number).real.frames
        detail = [cv2.Laplacian(frame[226:, :, 1], cv2.CV_32F).var() for frame in frames]
        assert min(detail[1:]) < detail[0] < max(detail[1:])  # body moved by parts of a pixel


def test_warp_loses_detail_within_the_face_only(by_id: dict[str, VideoRecord]) -> None:
    real, fake = by_id[f"real/p{PERSON}-0"], by_id[f"warp/p{PERSON}-0"]
    assert len(fake.identities) == 2
    with np.load(str(real.boxes)) as given:
        boxes, points = given["boxes"].astype(int), given["landmarks"].astype(int)
    a, b = decode(real.path), decode(fake.path)
    assert np.mean([psnr(x[:30], y[:30]) for x, y in zip(a, b, strict=True)]) > 38
    fine: tuple[list[float], list[float]] = ([], [])
    for i in range(0, 48, 6):
        (x, y), height = points[i, 2], boxes[i, 3] - boxes[i, 1]
        for kept, frames in zip(fine, (a, b), strict=True):
            patch = frames[i, y - height // 4 : y + height // 4, x - 25 : x + 25]
            kept.append(cv2.Laplacian(patch, cv2.CV_32F).var())
    assert np.mean(fine[1]) < 0.6 * np.mean(fine[0])


def test_the_control_changes_nothing_but_the_noise(by_id: dict[str, VideoRecord]) -> None:
    real = by_id[f"real/p{PERSON}-0"]
    for copy in "ab":
        again = by_id[f"reencode/p{PERSON}-0{copy}"]
        assert again.original == real.id
        a, b = decode(real.path), decode(again.path)
        assert not np.array_equal(a, b)
        assert min(psnr(x, y) for x, y in zip(a, b, strict=True)) > 37
        assert real.boxes is not None
        assert again.boxes is not None
        assert again.boxes.read_bytes() == real.boxes.read_bytes()


def test_noise_is_drawn_anew_and_unbiased() -> None:
    grey = np.full((128, 128, 3), 120, np.uint8)
    rng = stream(0, "test")
    first, second = (sensor(grey, rng).astype(float) for _ in range(2))
    residual = first[:128] - first[:128].mean(), second[:128] - second[:128].mean()
    assert abs(np.corrcoef(residual[0].ravel(), residual[1].ravel())[0, 1]) < 0.03
    assert residual[0].std() == pytest.approx(1.9, abs=0.1)
    assert first.mean() == pytest.approx(second.mean(), abs=0.05)


@pytest.mark.skipif(not YUNET.exists(), reason=f"YuNet's weights are not at {YUNET}")
def test_yunet_finds_exactly_one_face_where_the_given_box_is(by_id: dict[str, VideoRecord]) -> None:
    detector = cv2.FaceDetectorYN.create(str(YUNET), "", (256, 256), 0.6, 0.3, 50)
    found, overlaps = [], []
    for record in by_id.values():
        with np.load(str(record.boxes)) as given, av.open(str(record.path)) as file:
            for number, frame in enumerate(file.decode(video=0)):
                if number % 4:
                    continue
                faces = detector.detect(frame.to_ndarray(format="bgr24"))[1]
                found.append(faces is not None and len(faces) == 1)
                if found[-1]:
                    overlaps.append(overlap(faces[0], given["boxes"][number]))
                    apart = faces[0, 4:14].reshape(5, 2) - given["landmarks"][number]
                    assert np.abs(apart).max() < 25
    assert np.mean(found) >= 0.95
    assert np.mean(overlaps) > 0.8


def overlap(face: np.ndarray, box: np.ndarray) -> float:
    """Intersection over union of a YuNet row (x, y, width, height, …) and x0, y0, x1, y1."""
    corner = face[:2] + face[2:4]
    inner = np.minimum(corner, box[2:]) - np.maximum(face[:2], box[:2])
    shared = float(np.prod(np.clip(inner, 0, None)))
    return shared / float(np.prod(face[2:4]) + np.prod(box[2:] - box[:2]) - shared)


def start(root: Path) -> subprocess.Popen[bytes]:
    code = (
        "import sys; from pathlib import Path; from dfbench_sample.generate import generate;"
        "generate(Path(sys.argv[1]), people=1, workers=1)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen([sys.executable, "-c", code, str(root)], env=environment)


def test_killed_then_run_twice_at_once(root: Path, tmp_path: Path) -> None:
    killed = start(tmp_path)
    folder = records.folder_of(tmp_path, 0, records.DEFAULT_QP)
    deadline = time.monotonic() + 60
    while not list(folder.glob("*/p*.mp4")) and time.monotonic() < deadline:
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    kept = {path: path.stat().st_mtime_ns for path in folder.glob("*/p*.mp4")}
    assert kept
    with pytest.raises(DataError, match="prepare"):
        records.sample(tmp_path)
    (folder / "real/.part-1-left-over.mp4").write_bytes(b"cut")

    together = [start(tmp_path), start(tmp_path)]
    assert [process.wait(120) for process in together] == [0, 0]
    assert all(path.stat().st_mtime_ns == time_ for path, time_ in kept.items())
    assert not list(folder.glob("*/.part-*"))
    for record in records.sample(tmp_path):
        whole = records.folder_of(root, 0, records.DEFAULT_QP)
        assert record.path.read_bytes() == (whole / f"{record.id}.mp4").read_bytes()


class Told(Reporter):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.steps: list[int] = []

    @contextmanager
    def task(self, what: str, total: int) -> Iterator[Advance]:
        assert (what, total) == ("draw the sample", 6)
        yield self.steps.append


def test_progress_counts_up_and_a_second_call_makes_nothing(tmp_path: Path) -> None:
    reporter = Told()
    generate(tmp_path, people=1, workers=2, control=True, reporter=reporter)
    assert reporter.steps == [3, 3]
    generate(tmp_path, people=1, control=True, reporter=reporter)
    assert reporter.steps == [3, 3]


def test_listing_imports_nothing_heavy(root: Path) -> None:
    code = (
        "import sys; from pathlib import Path; import dfbench_sample;"
        "list(dfbench_sample.dfbench_datasets()); from dfbench_sample.records import sample;"
        "assert len(list(sample(Path(sys.argv[1])))) == 6;"
        "print(sorted({'cv2', 'av', 'numpy', 'torch', 'joblib'} & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code, str(root)], env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


@pytest.mark.parametrize("qp", [0, 52])
def test_impossible_quantiser(tmp_path: Path, qp: int) -> None:
    with pytest.raises(OptionError, match="1 to 51"):
        generate(tmp_path, qp=qp)


def test_damaged_manifest(tmp_path: Path) -> None:
    folder = records.folder_of(tmp_path, 0, records.DEFAULT_QP)
    folder.mkdir()
    (folder / "manifest.json").write_text("{", "utf-8")
    with pytest.raises(DataError, match="damaged"):
        records.sample(tmp_path)
