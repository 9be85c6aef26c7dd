"""RetinaFace through its package, with random weights: the published ones cannot be had here."""

from __future__ import annotations

import builtins
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dfbench.catalogue.plugins import open_catalogue
from dfbench.catalogue.records import Faces
from dfbench.errors import DfbenchError, PluginError, WeightsError
from dfbench.faces.tracks import check_faces
from dfbench_retinaface.checkpoint import load, network
from dfbench_retinaface.detector import SIDE, RetinaFace

try:
    import retinaface.network as package
except ImportError:
    package = None

needs_package = pytest.mark.skipif(
    package is None, reason='needs pip install "deepfake-bench[retinaface]"; tox run -e retinaface'
)
SMALL = 256


@pytest.fixture(scope="module")
def weights(tmp_path_factory, images) -> Path:
    """A network with random weights whose answers differ from place to place: batch norm is
    measured on the pictures, since an untrained one's is far off, and each channel of each head
    is brought to mean 0 and spread 0.5."""
    torch.manual_seed(0)
    random: Any = network().train()
    for module in random.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0

    def level(head: Any, _: Any, answer: torch.Tensor) -> None:
        spread, mean = 2 * answer.std((0, 2, 3)), answer.mean((0, 2, 3))
        head.weight.div_(spread[:, None, None, None])
        head.bias.copy_((head.bias - mean) / spread)

    squares = torch.zeros(len(images), 3, 320, 320)  # padded as they will be
    squares[:, :, 70:250] = (torch.from_numpy(images).permute(0, 3, 1, 2).float() - 115) / 58
    with torch.no_grad():
        random(squares)
        heads = [*random.BboxHead, *random.ClassHead, *random.LandmarkHead]
        hooks = [head.conv1x1.register_forward_hook(level) for head in heads]
        random.eval()(squares)
    for hook in hooks:
        hook.remove()
    path = tmp_path_factory.mktemp("weights") / "random.pth"
    torch.save(random.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    """Three pictures, wider than high, with structure at every scale."""
    rng = np.random.default_rng(1)
    parts = [
        np.kron(rng.integers(0, 256, (3, 180 // n, 320 // n, 3)), np.ones((1, n, n, 1)))
        for n in (1, 4, 20)
    ]
    return np.mean(parts, axis=0).astype(np.uint8)


def threshold(weights: Path, images: np.ndarray, share: float = 0.01) -> float:
    """A P(face) that ``share`` of the anchors exceed, halfway between two of them."""
    detector = RetinaFace(weights, device="cpu", side=SMALL)
    chances: list[torch.Tensor] = []
    inner = detector._network

    def spy(squares: torch.Tensor) -> Any:
        answer = inner(squares)
        chances.append(answer[1].softmax(-1)[..., 1].flatten())
        return answer

    detector._network = spy  # type: ignore[assignment]
    detector.detect(images)
    ordered = torch.cat(chances).sort(descending=True).values
    rank = int(len(ordered) * share)
    assert ordered[0] - ordered[rank] > 0.01  # not all alike
    return float(ordered[rank : rank + 2].mean())


def same(one: Faces, other: Faces, pixels: float) -> None:
    assert len(one) == len(other)
    assert one.scores == pytest.approx(other.scores, abs=1e-4)
    assert np.abs(one.boxes - other.boxes).max() < pixels
    assert np.abs(one.landmarks - other.landmarks).max() < pixels


# --- with the package -----------------------------------------------------------------------


@needs_package
def test_answers_are_faces_and_the_threshold_is_exceeded(weights, images):
    least = threshold(weights, images)
    found = RetinaFace(weights, side=SMALL, threshold=least).detect(images)
    check_faces(found, len(images), "retinaface")
    for faces in found:
        assert len(faces) > 3
        assert {faces.boxes.dtype, faces.landmarks.dtype, faces.scores.dtype} == {np.dtype("f4")}
        assert (faces.scores > least).all()
        assert (faces.scores <= 1).all()
        assert (np.diff(faces.scores) <= 0).all()
        assert (faces.boxes[:, 2:] > faces.boxes[:, :2]).all()
        assert (faces.boxes[:, :2] < [320, 180]).all()
        assert (faces.boxes[:, 2:] > 0).all()


@needs_package
def test_nobody_is_an_empty_answer(weights, images):
    for faces in RetinaFace(weights, side=SMALL, threshold=1.0).detect(images):
        assert (faces.boxes.shape, faces.landmarks.shape, faces.scores.shape) == (
            (0, 4),
            (0, 5, 2),
            (0,),
        )
    assert RetinaFace(weights, side=SMALL).detect(images[:0]) == []


@needs_package
@pytest.mark.parametrize("shape", [(180, 320), (97, 61), (500, 333)])
def test_answers_are_those_of_the_package(weights, images, shape):
    """Of ``Model.predict_jsons`` one picture at a time, which cuts boxes down to whole pixels
    twice and keeps those that lie in the padding."""
    single = pytest.importorskip("retinaface.predict_single", reason="installed with --no-deps")
    pictures = np.stack([np.resize(image, (*shape, 3)) for image in images])
    least = threshold(weights, pictures)
    model = single.Model(max_size=SMALL, device="cpu")
    model.load_state_dict(torch.load(weights, weights_only=True))
    model.eval()
    found = RetinaFace(weights, device="cpu", side=SMALL, threshold=least).detect(pictures)
    for faces, image in zip(found, pictures, strict=True):
        known = [
            row
            for row in model.predict_jsons(image, confidence_threshold=least)
            if row["bbox"][0] < shape[1] and row["bbox"][1] < shape[0] and min(row["bbox"][2:]) >= 0
        ]
        assert known
        pixels = 1 + 2 * max(shape) / SMALL
        for row in known:
            if min(row["bbox"][2:]) > pixels:
                nearest = np.abs(faces.boxes - row["bbox"]).max(1).argmin()
                assert faces.scores[nearest] == pytest.approx(row["score"], abs=1e-4)
                assert np.abs(faces.boxes[nearest] - row["bbox"]).max() < pixels
                assert np.abs(faces.landmarks[nearest] - row["landmarks"]).max() < pixels
        assert abs(len(faces) - len(known)) <= 1


@needs_package
def test_a_picture_has_the_same_faces_alone_and_in_a_batch(weights, images):
    least = threshold(weights, images)
    detector = RetinaFace(weights, device="cpu", side=SMALL, threshold=least)
    together, alone = detector.detect(images), detector.detect(images[1:2])[0]
    detector.batch_size = len(images)
    same(alone, together[1], 1e-3)
    for one, other in zip(together, detector.detect(images), strict=True):
        same(one, other, 0.05)


@needs_package
def test_bfloat16_finds_the_same_places(weights, images):
    """A smoke test of the other precision; on a GPU it is the default."""
    found = RetinaFace(weights, device="cpu", side=SMALL, threshold=0.3, precision="bf16")
    check_faces(found.detect(images[:1]), 1, "retinaface")


@needs_package
@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_finds_what_a_cpu_finds(weights, images):
    least = threshold(weights, images)
    cpu = RetinaFace(weights, device="cpu", side=SMALL, threshold=least).detect(images)
    gpu = RetinaFace(weights, device="cuda", side=SMALL, threshold=least, precision="32")
    for one, other in zip(cpu, gpu.detect(images), strict=True):
        assert abs(len(one) - len(other)) <= 2
        assert np.abs(one.boxes[0] - other.boxes[0]).max() < 1


@needs_package
def test_a_zip_with_one_checkpoint_is_read(weights, tmp_path):
    packed = tmp_path / "retinaface.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(weights, "retinaface_resnet50.pth")
    plain, unpacked = load(weights).state_dict(), load(packed).state_dict()
    assert all(torch.equal(plain[name], unpacked[name]) for name in plain)


@needs_package
@pytest.mark.parametrize("content", ["two", "none", "text", "cut", "pickle"])
def test_a_zip_that_holds_something_else_is_refused(weights, tmp_path, content):
    packed = tmp_path / "odd.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        if content in ("two", "cut"):
            archive.write(weights, "a.pth")
        if content == "two":
            archive.write(weights, "b.pth")
        if content == "none":
            archive.writestr("readme.txt", "no weights")
        if content == "text":
            archive.writestr("a.pth", b"<html>")
        if content == "pickle":
            archive.writestr("a.pth", b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x93\x94.")
    if content == "cut":
        packed.write_bytes(packed.read_bytes()[: packed.stat().st_size // 2])
    with pytest.raises(WeightsError, match=r"odd\.zip"):
        load(packed)


@needs_package
def test_a_checkpoint_of_another_network_is_refused(weights, tmp_path, shared):
    mobile = shared / "data" / "weights" / "retinaface" / "mobilenet0.25_Final.pth"
    with pytest.raises(WeightsError, match=r"mobilenet0\.25_Final\.pth is not a RetinaFace"):
        load(mobile)
    tensors = torch.load(weights, weights_only=True)
    name = "ClassHead.0.conv1x1.weight"
    for change in ({}, {name: tensors[name][:1]}, {name: tensors[name], "more": tensors[name]}):
        odd = {key: value for key, value in tensors.items() if key != name} | change
        torch.save(odd, tmp_path / "odd.pth")
        with pytest.raises(WeightsError, match=r"odd\.pth is not"):
            load(tmp_path / "odd.pth")


@needs_package
def test_weights_that_are_not_there():
    with pytest.raises(WeightsError, match="needs its file"):
        RetinaFace(None)
    with pytest.raises(WeightsError, match=r"none\.pth"):
        RetinaFace(Path("none.pth"))


# --- without it -----------------------------------------------------------------------------


def test_without_the_package_one_line_says_how_to_get_it(monkeypatch):
    real = builtins.__import__

    def absent(name: str, *args: Any, **more: Any) -> Any:
        if name.split(".")[0] == "retinaface":
            raise ModuleNotFoundError("No module named 'retinaface'")
        return real(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(PluginError) as caught:
        RetinaFace(Path("w.zip"))
    assert 'pip install "deepfake-bench[retinaface]"' in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_card():
    _, card = open_catalogue().faces("retinaface")
    assert card.resolve() is RetinaFace
    (file,) = card.weights
    assert file.name == "resnet50_2020-07-20"
    assert file.url
    assert file.url.endswith(file.filename)
    assert str(SIDE) in card.version
    assert issubclass(PluginError, DfbenchError)
