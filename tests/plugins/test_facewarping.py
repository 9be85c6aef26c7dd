"""Face-warping artifacts: its networks and the original's checkpoint."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_facewarping import NAMES, SMALL, small
from torch import nn
from torchvision import models

from dfbench import load_detector
from dfbench.catalogue.plugins import open_catalogue
from dfbench.detector.network import count_parameters
from dfbench.errors import OptionError, WeightsError
from dfbench_facewarping.networks import DEPTHS, FaceWarping, SpatialPyramidFaceWarping, pyramid

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
