"""C3D: an independent computation from the ports' own key names, BGR and RGB, small settings."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from dfbench import load_detector
from dfbench.catalogue.plugins import open_catalogue
from dfbench.detector.network import build_detector, count_parameters
from dfbench.errors import OptionError, WeightsError
from dfbench_c3d.networks import C3D

SMALL = "width=0.0625,size=32"
MEAN_BGR = torch.tensor([90.25, 97.66, 101.41]).view(3, 1, 1, 1)
FIRST = ["conv1", "conv2", "conv3a", "conv3b", "conv4a", "conv4b", "conv5a", "conv5b"]
DENSE = ["fc6", "fc7", "fc8"]
SECOND = [f"features.{i}" for i in (0, 3, 6, 8, 11, 13, 16, 18)]
SECOND += [f"classifier.{i}" for i in (0, 3, 6)]


def port(classes: int, seed: int = 1) -> dict[str, torch.Tensor]:
    """A checkpoint of the first port, its widths a sixteenth, for pictures of side 32."""
    random = torch.Generator().manual_seed(seed)
    widths = [3, 4, 8, 16, 16, 32, 32, 32, 32]
    state = {}
    for name, inputs, outputs in zip(FIRST, widths, widths[1:], strict=False):
        scale = (2 / (27 * inputs)) ** 0.5 / (60 if name == "conv1" else 1)
        state[f"{name}.weight"] = torch.randn(outputs, inputs, 3, 3, 3, generator=random) * scale
        state[f"{name}.bias"] = torch.randn(outputs, generator=random) * 0.1
    for name, inputs, outputs in zip(DENSE, (128, 256, 256), (256, 256, classes), strict=True):
        weight = torch.randn(outputs, inputs, generator=random) * (2 / inputs) ** 0.5
        state[f"{name}.weight"] = weight
        state[f"{name}.bias"] = torch.randn(outputs, generator=random) * 0.1
    return state


def original(state: dict[str, torch.Tensor], clips: torch.Tensor, upto: str = "fc8"):
    """The ports' forward pass: pool1 keeps time, pool5 is padded by a pixel in the picture."""
    for i, name in enumerate(FIRST):
        clips = functional.conv3d(clips, state[f"{name}.weight"], state[f"{name}.bias"], padding=1)
        clips = clips.relu()
        if i == 0:
            clips = functional.max_pool3d(clips, (1, 2, 2), (1, 2, 2))
        elif i in (1, 3, 5):
            clips = functional.max_pool3d(clips, 2, 2)
    values = functional.max_pool3d(clips, 2, 2, padding=(0, 1, 1)).flatten(1)
    for name in DENSE[: DENSE.index(upto) + 1]:
        values = functional.linear(values, state[f"{name}.weight"], state[f"{name}.bias"])
        values = values if name == "fc8" else values.relu()
    return values


def second_names(state: dict[str, torch.Tensor], head: bool) -> dict[str, torch.Tensor]:
    names = dict(zip(FIRST + DENSE, SECOND, strict=True))
    kept = {k: v for k, v in state.items() if head or not k.startswith("fc8")}
    return {f"{names[k.split('.')[0]]}.{k.split('.')[1]}": v for k, v in kept.items()}


def test_parameters():
    with torch.device("meta"):
        assert count_parameters(C3D(outputs=2)) == 78_003_970
        card = open_catalogue().detector("c3d")[1]
        assert count_parameters(build_detector(card, card.options)) == 78_003_970 - 4097
        assert C3D().fc6.in_features == 8192


@pytest.mark.parametrize("names", ["first", "second"])
@pytest.mark.parametrize(("order", "sign"), [("real-fake", 1), ("fake-real", -1)])
def test_a_two_class_checkpoint_of_either_port_keeps_its_logits(names, order, sign):
    """0..255 minus the mean of Sports-1M, taken as RGB: a detector somebody trained."""
    state = port(2)
    detector = load_detector(f"c3d:{SMALL},classes={order}").eval()
    detector.load(state if names == "first" else second_names(state, head=True), "c3d.pth")
    clips = torch.rand(2, 3, 16, 32, 32)
    with torch.inference_mode():
        expected = original(state, clips * 255 - MEAN_BGR.flip(0)).diff(dim=1)[:, 0] * sign
        assert torch.allclose(detector(clips), expected, rtol=1e-4, atol=1e-4)
        bare = original(state, clips).diff(dim=1)[:, 0] * sign
        assert torch.allclose(detector.network(clips), bare, rtol=1e-4, atol=1e-4)


def test_channels_say_that_a_two_class_checkpoint_saw_bgr():
    state = port(2)
    detector = load_detector(f"c3d:{SMALL},classes=real-fake,channels=bgr").eval()
    detector.load(state, "c3d.pth")
    clips = torch.rand(2, 3, 16, 32, 32)
    with torch.inference_mode():
        expected = original(state, clips.flip(1) * 255 - MEAN_BGR).diff(dim=1)[:, 0]
        assert torch.allclose(detector(clips), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("names", ["sports-1m", "without a last layer"])
def test_the_published_ports_see_bgr_and_lose_only_their_head(names):
    state = port(487)
    detector = load_detector(f"c3d:{SMALL}").eval()
    head = detector.network.fc8.weight.clone()
    detector.load(state if names == "sports-1m" else second_names(state, head=False), "c3d.pickle")
    assert torch.equal(detector.network.fc8.weight, head)
    seen = []
    detector.network.fc8.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    clips = torch.rand(2, 3, 16, 32, 32)
    with torch.inference_mode():
        detector(clips)
        expected = original(state, clips.flip(1) * 255 - MEAN_BGR, upto="fc7")
    assert torch.allclose(seen[0], expected, rtol=1e-4, atol=1e-4)


def test_checkpoints_of_other_networks_are_refused():
    detector = load_detector(f"c3d:{SMALL}")
    state = port(487)
    for name in ("conv3b.weight", "fc6.bias"):
        with pytest.raises(WeightsError, match=rf"missing: \S*{name}"):
            detector.load({k: v for k, v in state.items() if k != name}, "c3d.pickle")
    with pytest.raises(WeightsError, match=r"unexpected: \S*bn1\.weight"):
        detector.load({**state, "bn1.weight": torch.ones(4)}, "c3d.pickle")
    with pytest.raises(WeightsError, match="which class is fake"):
        detector.load(port(2), "c3d.pth")
    with pytest.raises(WeightsError, match="of another shape"):
        load_detector("c3d:width=0.0625,size=64").load(state, "c3d.pickle")


@pytest.mark.parametrize("size", [16, 31, 32, 56])
def test_the_dense_layer_follows_the_size(size):
    detector = load_detector(f"c3d:width=0.0625,frames=32,size={size}").eval()
    assert (detector.clip.frames, detector.clip.size) == (32, size)
    with torch.inference_mode():
        assert detector(torch.rand(2, 3, 32, size, size)).shape == (2,)


@pytest.mark.parametrize("shape", [(1, 32, 32), (16, 64, 64)])
def test_clips_of_another_length_or_size_are_refused(shape):
    with pytest.raises(ValueError, match=r"c3d takes clips of \(16, 32, 32\), not of"):
        load_detector(f"c3d:{SMALL}").network(torch.zeros(1, 3, *shape))


@pytest.mark.parametrize(
    "options", ["width=0", "frames=8", "size=8", "channels=grey", "classes=fake", "depth=3"]
)
def test_wrong_options_are_refused(options):
    with pytest.raises(OptionError, match="c3d"):
        load_detector(f"c3d:{options}")
