"""Face-warping artifacts: the original's geometry, its checkpoint, and fakes made of real faces."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance
from torch import nn
from torchvision import models

from dfbench import load_detector
from dfbench.catalogue.plugins import open_catalogue
from dfbench.detector.aggregate import AGGREGATES
from dfbench.detector.network import build_detector, count_parameters
from dfbench.errors import DataError, OptionError, WeightsError
from dfbench_facewarping.colours import ColourJitter
from dfbench_facewarping.fakes import Warping, low_detail, region_share, warp_face
from dfbench_facewarping.geometry import (
    MEAN_68,
    alignment,
    blur_size,
    fixed_regions,
    jittered_region,
    points68,
)
from dfbench_facewarping.networks import DEPTHS, FaceWarping, SpatialPyramidFaceWarping, pyramid

SMALL = {"fwa": {"trunk": "resnet18", "size": 64}, "dsp_fwa": {"depth": 18, "size": 64}}
NAMES = tuple(SMALL)
IDENTITY = {"stretch": np.ones(2), "dents": np.zeros((68, 2))}


def small(name: str):
    options = ",".join(f"{key}={value}" for key, value in SMALL[name].items())
    return load_detector(f"{name}:{options}")


@pytest.fixture(scope="module")
def known(shared) -> dict:
    return json.loads((shared / "reference" / "fwa.json").read_text())["values"]


@pytest.fixture
def picture() -> np.ndarray:
    """Noise with large and small structure, and no two rows alike."""
    rng = np.random.default_rng(0)
    rough = cv2.resize(rng.integers(0, 256, (12, 12, 3)).astype(np.uint8), (192, 192))
    return np.asarray((rough * 0.6 + rng.integers(0, 100, rough.shape)), np.uint8)


def face(scale: float = 96.0, x: float = 48.0, y: float = 40.0) -> np.ndarray:
    """68 points of a face whose brows and mouth span ``scale`` pixels."""
    return MEAN_68 * scale + [x, y]


# --- geometry: numbers of the original ------------------------------------------------------


def test_geometry_is_the_original_s(known):
    points = np.array(known["points"], float)
    for name in ("umeyama_2x3", "correct_2x3"):
        assert alignment(points) == pytest.approx(np.array(known[name]), abs=1e-6)
    assert blur_size(points) == known["bur_size"]


def test_the_ten_regions_are_the_original_s(known):
    points = np.array(known["points"], float)
    size = (10_000, 10_000)
    boxes = [jittered_region(points, np.random.RandomState(seed), size) for seed in range(10)]
    assert np.stack(boxes).tolist() == known["cut_head_boxes_seed0_9"]
    assert np.floor(fixed_regions(points)).tolist() == known["cut_head_boxes_seed0_9"]


def test_regions_stay_in_the_picture():
    region = jittered_region(face(96, 5, 2), np.random.RandomState(0), (100, 90))
    assert region.tolist()[:2] == [0, 0]
    assert region.tolist()[2:] == [99, 89]


def test_a_face_of_a_few_pixels_has_regions_too():
    assert np.isfinite(fixed_regions(face(3))).all()


def test_five_points_get_the_mean_face_turned_and_scaled_with_them():
    turn = np.array([[0.8, -0.6], [0.6, 0.8]]) * 1.7
    truth = face() @ turn.T + [3, 9]
    eyes = [truth[36:42].mean(0), truth[42:48].mean(0)]
    five = np.stack([*eyes, truth[30], truth[48], truth[54]])
    assert points68(five) == pytest.approx(truth, abs=1e-6)
    assert points68(truth) is truth


# --- the generator --------------------------------------------------------------------------


@pytest.mark.parametrize("region", ["square", "inner", "face"])
def test_without_blur_and_at_its_own_scale_the_picture_comes_back(picture, region):
    """The aligned face has as many pixels as the face in the picture, upright: nothing is lost."""
    warping = Warping(96, region, **IDENTITY, kernel=1)
    fake = warp_face(picture, face(), warping)
    assert np.abs(fake.astype(int) - picture).max() <= 1


@pytest.mark.parametrize("feather", [0.0, 1.0])
@pytest.mark.parametrize("region", ["square", "inner", "face"])
def test_outside_its_region_a_fake_is_the_picture(picture, region, feather):
    points = face(90)
    warping = Warping(40, region, **IDENTITY, feather=feather)
    fake = warp_face(picture, points, warping)
    share = region_share(picture.shape, points, alignment(points), warping)
    assert np.array_equal(fake[share == 0], picture[share == 0])
    changed = np.abs(fake.astype(int) - picture).max(-1) > 8
    assert changed[share == 1].mean() > 0.5, "within it has lost detail"
    assert 0.05 < (share > 0).mean() < 0.6
    soft = ((share > 0) & (share < 1)).any()
    assert soft == bool(feather)


def test_the_square_is_the_unit_face_and_the_hulls_hold_their_points(picture):
    points = face(90)
    shares = {
        region: region_share(
            picture.shape, points, alignment(points), Warping(64, region, **IDENTITY)
        )
        for region in ("square", "inner", "face")
    }
    rows, columns = np.nonzero(shares["square"])
    assert [columns.min(), rows.min()] == pytest.approx([48, 40], abs=1)
    assert [columns.max(), rows.max()] == pytest.approx([138, 130], abs=1)
    for region, chosen in (("inner", points[[19, 24, 57]]), ("face", points[[2, 8, 14]])):
        inside = (chosen - points.mean(0)) * 0.95 + points.mean(0)
        x, y = np.round(inside).astype(int).T
        assert (shares[region][y, x] == 1).all(), region
    assert (shares["inner"] <= shares["face"]).all()


def test_the_smaller_the_aligned_face_the_less_detail_is_left(picture):
    def detail(size):
        points = face()
        blurred = low_detail(picture, alignment(points), size, 5)[60:120, 60:120]
        return cv2.Laplacian(blurred, cv2.CV_64F).std()

    values = [detail(size) for size in (128, 96, 64, 32)]
    assert values == sorted(values, reverse=True)
    assert values[-1] < 0.4 * values[0]


def test_draws_cover_what_the_paper_varies():
    rng = np.random.default_rng(0)
    drawn = [Warping.draw(rng) for _ in range(200)]
    assert {w.region for w in drawn} == {"square", "inner", "face"}
    assert min(w.size for w in drawn) < 45
    assert max(w.size for w in drawn) > 115
    assert {w.kernel for w in drawn} == {5}
    assert 0.3 < np.mean([w.feather > 0 for w in drawn]) < 0.7


ENHANCERS = {
    "brightness": ImageEnhance.Brightness,
    "contrast": ImageEnhance.Contrast,
    "colour": ImageEnhance.Color,
    "sharpness": ImageEnhance.Sharpness,
}


@pytest.mark.parametrize("factor", [0.8, 1.2])
@pytest.mark.parametrize("name", ENHANCERS)
def test_colour_jitter_is_pillow_s(picture, name, factor):
    """The original used Pillow's enhancers, one after the other."""
    theirs = np.asarray(ENHANCERS[name](Image.fromarray(picture)).enhance(factor))
    ours = ColourJitter(**{name: factor}).apply(picture[None])[0]
    difference = np.abs(ours.astype(int) - theirs)[1:-1, 1:-1]  # Pillow smooths no edge
    assert difference.max() <= 1  # it cuts off where ours rounds
    assert np.abs(ours.astype(int) - picture).max() > 5


def test_colour_jitter_in_order_and_at_one(picture):
    factors = (1.15, 0.85, 1.2, 0.8)
    image = picture[None]
    for name, factor in zip(ENHANCERS, factors, strict=True):
        image = ColourJitter(**{name: factor}).apply(image)
    assert np.array_equal(ColourJitter(*factors).apply(picture[None]), image)
    assert np.array_equal(ColourJitter().apply(picture[None])[0], picture)


# --- what the harness asks the networks -----------------------------------------------------


def clip_of(picture, count=5):
    points = face(90).astype(np.float32)
    five = [points[36:42].mean(0), points[42:48].mean(0), points[30], points[48], points[54]]
    chosen = points if count == 68 else np.stack(five)
    box = np.array([[45, 35, 145, 150]], np.float32)
    return picture[None], box, chosen[None]


@pytest.mark.parametrize("count", [5, 68])
@pytest.mark.parametrize("name", NAMES)
def test_a_real_clip_and_its_fake_differ_in_the_face_alone(picture, name, count):
    network = build_detector(
        open_catalogue().detector(name)[1], {**SMALL[name], "landmarks": count}
    ).network
    frames, boxes, landmarks = clip_of(picture, count)
    for seed in range(3):
        real, fake = (
            network.training_clips(frames, boxes, landmarks, label, np.random.default_rng(seed))
            for label in (0, 1)
        )
        assert real.dtype == fake.dtype == np.uint8
        assert real.shape == fake.shape == frames.shape
        assert not np.array_equal(real, frames), "real faces get other colours too"
        away = np.s_[:, :10]  # contrast looks at the whole picture, hence a grey level or two
        assert np.abs(real[away].astype(int) - fake[away]).max() <= 2
        assert np.abs(real[:, 60:110, 70:120].astype(int) - fake[:, 60:110, 70:120]).mean() > 3


def test_all_frames_of_a_clip_are_made_alike(picture):
    network = FaceWarping(**SMALL["fwa"])
    frames, boxes, landmarks = (np.repeat(part, 3, axis=0) for part in clip_of(picture))
    fake = network.training_clips(frames, boxes, landmarks, 1, np.random.default_rng(0))
    assert np.array_equal(fake[0], fake[1])
    assert np.array_equal(fake[0], fake[2])


@pytest.mark.parametrize("name", NAMES)
def test_regions_ten_at_test_one_in_training(picture, name):
    network = small(name).network
    _, boxes, landmarks = clip_of(picture)
    views = network.regions(boxes, landmarks, None)
    assert views.shape == (10, 4)
    assert np.array_equal(views, network.regions(boxes, landmarks, None))
    drawn = network.regions(boxes, landmarks, np.random.default_rng(0))
    assert drawn.shape == (1, 4)
    low, high = face(90).min(0), face(90).max(0)
    for region in (*views, *drawn):
        assert (region[:2] <= low + 3).all()
        assert (region[2:] >= high - 3).all()
        assert ((region[2:] - region[:2]) <= 1.4 * (high - low)).all()


@pytest.mark.parametrize(("asked", "given"), [(68, 5), (5, 68)])
def test_landmarks_that_are_not_there_are_named_in_one_line(picture, asked, given):
    network = FaceWarping(**SMALL["fwa"], landmarks=asked)
    frames, boxes, landmarks = clip_of(picture, given)
    rng = np.random.default_rng(0)
    for call in (
        lambda: network.training_clips(frames, boxes, landmarks, 1, rng),
        lambda: network.regions(boxes, landmarks, None),
    ):
        with pytest.raises(DataError, match=f"{asked} landmarks.*there are {given}") as caught:
            call()
        assert "\n" not in str(caught.value)


def test_the_paper_s_rules_of_aggregation():
    """Ten regions: mean of the higher five. Frames: mean of the highest third."""
    (card,) = open_catalogue().cards("detectors")["fwa"].values()
    network = FaceWarping(**SMALL["fwa"])
    scores = np.array([0.9, 0.1, 0.2, 0.8, 0.3, 0.7, 0.4, 0.6, 0.5, 0.0])
    assert network.combine(scores) == pytest.approx(np.mean([0.9, 0.8, 0.7, 0.6, 0.5]))
    assert network.combine(np.array([0.3])) == 0.3
    assert AGGREGATES[card.aggregate](scores) == pytest.approx(np.mean([0.9, 0.8, 0.7]))
    assert AGGREGATES[card.aggregate](np.array([0.2, 0.6])) == 0.6


# --- networks and checkpoints ---------------------------------------------------------------

USED = {18: 11_218_498, 34: 21_326_658, 50: 23_675_970, 101: 42_668_098, 152: 58_311_746}
TOTAL = {18: 11_732_524, 34: 21_840_684, 50: 25_729_068, 101: 44_721_196, 152: 60_364_844}


def official(depth: int, device: str = "meta") -> dict[str, torch.Tensor]:
    """A state dict such as the authors' program writes, of their modules' names and sizes."""
    with torch.device(device):
        inner = models.get_model(f"resnet{depth}", weights=None)
        channels = inner.fc.in_features
        outer, classifier = nn.Linear(channels, 2), nn.Linear(channels * 41, 2)
    parts = {"resnet.resnet.": inner, "resnet.fc.": outer, "classifier.": classifier}
    return {
        prefix + key: value
        for prefix, module in parts.items()
        for key, value in module.state_dict().items()
    }


@pytest.mark.parametrize("depth", DEPTHS)
def test_parameters_of_the_pyramid(depth):
    """With two classes; the official file holds two more heads that are not used."""
    with torch.device("meta"):
        network = SpatialPyramidFaceWarping(depth)
    second_class = network.classifier.in_features + 1
    assert count_parameters(network) + second_class == USED[depth]
    tensors = official(depth)
    assert depth != 50 or len(tensors) == 324
    buffers = ("running_mean", "running_var", "num_batches_tracked")
    total = sum(value.numel() for key, value in tensors.items() if not key.endswith(buffers))
    assert total == TOTAL[depth]
    kept = network.convert({"epoch": 1, "net": tensors}).state
    assert set(kept) == set(network.state_dict())
    used = sum(value.numel() for key, value in kept.items() if not key.endswith(buffers))
    assert used == USED[depth]


@pytest.mark.parametrize(
    ("trunk", "number"), [("resnet50", 23_510_081), ("vgg16", 134_264_641)]
)  # torchvision's 25,557,032 and 138,357,544 with one output instead of 1000
def test_parameters_of_the_trunks(trunk, number):
    with torch.device("meta"):
        assert count_parameters(FaceWarping(trunk)) == number


def original_logits(tensors: dict[str, torch.Tensor], images: torch.Tensor) -> torch.Tensor:
    """Two logits of the official network on BGR images, pooled window by window (7x7 maps)."""
    trunk = models.resnet18()
    own = {k.removeprefix("resnet.resnet."): v for k, v in tensors.items() if "resnet.resnet" in k}
    trunk.load_state_dict(own)
    features = nn.Sequential(*list(trunk.eval().children())[:-2])
    with torch.inference_mode():
        maps = features(images).numpy()
    assert maps.shape[2:] == (7, 7)
    levels = []
    for n in (1, 2, 6):
        side, step = -(-7 // n), 7 // n
        for channel in range(maps.shape[1]):
            for i in range(n):
                for j in range(n):
                    window = maps[:, channel, i * step :, j * step :][:, :side, :side]
                    levels.append(window.max(axis=(1, 2)))
    pooled = torch.from_numpy(np.stack(levels, 1))
    return pooled @ tensors["classifier.weight"].T + tensors["classifier.bias"]


def test_an_official_checkpoint_gives_the_official_scores(tmp_path):
    """P(fake) is the softmax's first class; input is BGR in 0..255 minus the mean."""
    torch.manual_seed(0)
    tensors = official(18, "cpu")
    for key in ("classifier.weight", "classifier.bias"):
        tensors[key] = torch.randn_like(tensors[key]) * 0.02
    path = tmp_path / "SPP-res18.pth"
    torch.save({"epoch": 7, "net": tensors}, path)
    detector = load_detector("dsp_fwa:depth=18", path)
    clips = torch.rand(2, 3, 1, 224, 224)
    mean = torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)
    logits = original_logits(tensors, clips[:, :, 0].flip(1) * 255 - mean)
    with torch.inference_mode():
        scores = torch.sigmoid(detector(clips))
    assert scores.numpy() == pytest.approx(logits.softmax(1)[:, 0].numpy(), abs=1e-4)
    assert (scores - 0.5).abs().min() > 0.01, "a score of one half would show no polarity"


def test_the_pyramid_is_flattened_level_by_level_and_channel_by_channel():
    maps = torch.arange(2 * 7 * 7, dtype=torch.float32).view(1, 2, 7, 7)
    found = pyramid(maps)[0].tolist()
    assert found[:2] == [48, 97]
    assert found[2:10] == [24, 27, 45, 48, 73, 76, 94, 97]
    assert found[10:16] == [8, 9, 10, 11, 12, 13]
    assert len(found) == 2 * 41


@pytest.mark.parametrize("name", NAMES)
def test_imagenet_weights_see_what_they_were_trained_on(tmp_path, name):
    """RGB with ImageNet's mean and deviation, though the network takes BGR."""
    torch.manual_seed(0)
    imagenet = models.resnet18().eval()
    path = tmp_path / "resnet18.pth"
    torch.save(imagenet.state_dict(), path)
    options = ",".join(f"{key}={value}" for key, value in SMALL[name].items())
    detector = load_detector(f"{name}:{options}", path)
    clips = torch.rand(2, 3, 1, 64, 64)
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    seen: list[torch.Tensor] = []
    detector.network.trunk.bn1.register_forward_hook(lambda *args: seen.append(args[2].clone()))
    with torch.inference_mode():
        detector.eval()(clips)
        expected = imagenet.bn1(imagenet.conv1((clips[:, :, 0] - mean) / std))
    assert torch.allclose(seen[0], expected, atol=1e-4)


def test_two_classes_of_a_trunk_are_fake_and_real_in_this_order(tmp_path):
    torch.manual_seed(0)
    two = models.resnet18(num_classes=2).eval()
    mean = torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)
    clips = torch.rand(2, 3, 1, 64, 64)
    with torch.inference_mode():
        softmax = two(clips[:, :, 0].flip(1) * 255 - mean).softmax(1)
    inner, outer = two.state_dict(), {"fc.weight": two.fc.weight, "fc.bias": two.fc.bias}
    unused = models.resnet18().fc.state_dict()
    theirs = {f"resnet.{k}": unused.get(k.removeprefix("fc."), v) for k, v in inner.items()}
    for name, tensors in (("torchvision", inner), ("authors", {**theirs, **outer})):
        path = tmp_path / f"{name}.pth"
        torch.save(tensors, path)
        for order, fake in (("fake-real", 0), ("real-fake", 1)):
            detector = load_detector(f"fwa:trunk=resnet18,size=64,classes={order}", path)
            with torch.inference_mode():
                scores = torch.sigmoid(detector(clips))
            assert scores.numpy() == pytest.approx(softmax[:, fake].numpy(), abs=1e-4), name


def test_a_checkpoint_of_another_depth_is_refused(tmp_path):
    path = tmp_path / "SPP-res18.pth"
    torch.save({"epoch": 1, "net": official(18, "cpu")}, path)
    with pytest.raises(WeightsError, match="for another network"):
        load_detector("dsp_fwa:depth=34", path)
    with pytest.raises(WeightsError, match="for another network"):
        load_detector("fwa:trunk=resnet18", path)


@pytest.mark.parametrize("name", NAMES)
def test_stages_hold_every_parameter_once(name):
    for options in (SMALL[name], {"trunk": "vgg16"} if name == "fwa" else {"depth": 101}):
        with torch.device("meta"):
            network = open_catalogue().detector(name)[1].resolve()(**options)
        held = [id(p) for _, modules in network.stages() for m in modules for p in m.parameters()]
        assert len(held) == len(set(held))
        assert set(held) == {id(p) for p in network.parameters()}
        assert network.stages()[-1][0] == "head"


@pytest.mark.parametrize("name", NAMES)
def test_a_frame_detector_refuses_clips_and_scores_a_frame_alone_as_in_a_batch(name):
    detector = small(name).eval()
    with pytest.raises(ValueError, match=f"{name} takes single frames, not clips of 16"):
        detector.network(torch.rand(1, 3, 16, 64, 64))
    clips = torch.rand(3, 3, 1, 64, 64)
    with torch.inference_mode():
        together = detector(clips)
        alone = torch.cat([detector(clip[None]) for clip in clips])
    assert together.shape == (3,)
    assert torch.allclose(together, alone, atol=1e-4)


@pytest.mark.parametrize(
    "text",
    [
        "fwa:trunk=resnet5",
        "fwa:size=8",
        "fwa:views=0",
        "fwa:landmarks=7",
        "fwa:classes=fake",
        "dsp_fwa:depth=51",
        "dsp_fwa:landmarks=98",
    ],
)
def test_wrong_options_are_refused_in_one_line(text):
    with pytest.raises(OptionError, match=text.partition(":")[0]) as caught:
        load_detector(text)
    assert "\n" not in str(caught.value)


def test_the_cards_are_the_paper_s():
    for name in NAMES:
        card = open_catalogue().detector(name)[1]
        bgr = np.array(card.clip.mean)[::-1] * 255
        assert bgr == pytest.approx([103.939, 116.779, 123.68])
        assert np.array(card.clip.std) * 255 == pytest.approx([1, 1, 1])
        assert (card.clip.size, card.clip.frames) == (224, 1)
        recipe = card.recipe
        assert (recipe.optimizer, recipe.lr, recipe.decay) == ("sgd", 1e-3, 0.95)
        assert (recipe.batch_size, recipe.epochs) == (64, 20)
        assert recipe.weights in {file.name for file in card.weights}
