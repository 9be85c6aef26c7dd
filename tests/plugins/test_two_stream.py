"""Two streams: flow against known motion, the mean of two scores, ImageNet files."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from torchvision.models import get_model_weights, resnet18, resnet34

from dfbench import load_detector
from dfbench.catalogue.plugins import open_catalogue
from dfbench.detector.network import build_detector, count_parameters
from dfbench.errors import OptionError, WeightsError
from dfbench_two_stream.flow import flow_stacks
from dfbench_two_stream.networks import logit_of_mean

SMALL = "two_stream:width=0.0625,size=32"


def texture(side: int = 112) -> np.ndarray:
    """A smooth random picture [side, side], grey levels 0..255."""
    noise = np.random.default_rng(0).normal(size=(side, side)).astype(np.float32)
    blurred = cv2.GaussianBlur(noise, (0, 0), 2)
    return np.clip(128 + 40 * blurred / blurred.std(), 0, 255)


def moving(dx: float, dy: float, where: slice, frames: int = 3, side: int = 112) -> torch.Tensor:
    """A clip [1, 3, frames, side, side] whose columns ``where`` move by (dx, dy) a frame."""
    picture, clip = texture(side), []
    for number in range(frames):
        matrix = np.float32([[1, 0, dx * number], [0, 1, dy * number]])
        moved = cv2.warpAffine(picture, matrix, (side, side), borderMode=cv2.BORDER_REFLECT)
        frame = picture.copy()
        frame[:, where] = moved[:, where]
        clip.append(frame)
    stack = torch.from_numpy(np.stack(clip).astype(np.float32) / 255)
    return stack[None, None].expand(1, 3, -1, -1, -1).contiguous()


# --- flow -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("dx", "dy"), [(2.0, 0.0), (0.0, -1.5)])
def test_flow_is_the_motion_less_its_mean_in_units_of_the_bound(dx, dy):
    """One half of the picture moves: the two halves differ by the motion, the mean is gone."""
    fields = flow_stacks(moving(dx, dy, slice(0, 56)))
    assert fields.shape == (1, 4, 112, 112)
    bound = 20 * 112 / 224
    for pair in fields[0].view(2, 2, 112, 112) * bound:
        assert pair.mean(dim=(1, 2)).abs().max() < 1e-3
        inner = pair[:, 10:-10]
        left, right = inner[:, :, 10:46].median(-1)[0].median(-1)[0], inner[:, :, 66:102]
        difference = left - right.median(-1)[0].median(-1)[0]
        assert difference.numpy() == pytest.approx([dx, dy], abs=0.15)


def test_the_camera_s_motion_is_taken_away():
    assert flow_stacks(moving(2, 1, slice(0, 112))).abs().median() < 0.02


def test_still_pictures_have_no_flow_and_long_ways_are_clipped():
    assert flow_stacks(moving(0, 0, slice(0, 112))).abs().max() < 1e-6
    fields = flow_stacks(torch.rand(2, 3, 4, 64, 64))
    assert fields.shape == (2, 6, 64, 64)
    assert fields.abs().max() <= 1


# --- fusion ---------------------------------------------------------------------------------


def test_the_score_is_the_mean_of_the_two_scores():
    a = torch.tensor([0.0, 3.0, -2.0, 20.0, -20.0, 6.0])
    b = torch.tensor([0.0, -1.0, -2.0, 19.0, -25.0, -30.0])
    exact = (torch.sigmoid(a.double()) + torch.sigmoid(b.double())) / 2
    assert torch.sigmoid(logit_of_mean(a, b).double()).numpy() == pytest.approx(
        exact.numpy(), rel=1e-5
    )


def test_fusion_is_stable_at_both_ends():
    a = torch.tensor([90.0, -90.0, 90.0], requires_grad=True)
    b = torch.tensor([80.0, -80.0, -90.0], requires_grad=True)
    fused = logit_of_mean(a, b)
    assert fused.detach().numpy() == pytest.approx([80 + np.log(2), -80 - np.log(2), 0.0], abs=1e-4)
    fused.sum().backward()
    assert torch.isfinite(a.grad).all()
    assert torch.isfinite(b.grad).all()


def test_both_streams_learn_from_the_fused_loss():
    detector = load_detector(SMALL).train()
    logits = detector(torch.rand(4, 3, 11, 32, 32))
    detector.loss(logits, torch.tensor([0.0, 1, 0, 1]), torch.ones(4)).backward()
    for stream in (detector.network.spatial, detector.network.temporal):
        assert all(p.grad.abs().max() > 0 for p in stream.parameters())


# --- streams --------------------------------------------------------------------------------


def test_the_spatial_stream_sees_the_first_frame_normalised_and_the_other_its_flow():
    detector = load_detector(SMALL).eval()
    assert (detector.clip.frames, detector.clip.size) == (11, 32)
    seen = {}
    for name in ("spatial", "temporal"):
        detector.network.get_submodule(name).register_forward_pre_hook(
            lambda _, args, name=name: seen.update({name: args[0]})
        )
    clips = torch.rand(2, 3, 11, 32, 32)
    with torch.inference_mode():
        detector(clips)
    transform = get_model_weights("resnet18").DEFAULT.transforms()
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (transform.mean, transform.std))
    assert torch.allclose(seen["spatial"], (clips[:, :, 0] - mean) / std, atol=1e-6)
    assert torch.equal(seen["temporal"], flow_stacks(clips))


def test_parameters():
    """Two torchvision ResNet-18 with one logit; the temporal one has 17 input maps more."""
    with torch.device("meta"):
        plain = count_parameters(resnet18(num_classes=1))
        card = open_catalogue().detector("two_stream")[1]
        assert plain == 11_689_512 - 513_000 + 513
        assert (
            count_parameters(build_detector(card, card.options).network) == 2 * plain + 17 * 64 * 49
        )


def test_an_imagenet_file_starts_the_spatial_stream_alone():
    torch.manual_seed(0)
    file = resnet18().state_dict()
    detector = load_detector("two_stream")
    before = {k: v.clone() for k, v in detector.network.state_dict().items()}
    detector.load(file, "resnet18-f37072fd.pth")
    for name, value in detector.network.state_dict().items():
        stream, _, inner = name.partition(".")
        fresh = stream == "temporal" or inner.startswith("fc.")
        assert torch.equal(value, before[name] if fresh else file[inner]), name
    detector.load(before, "its own")
    assert torch.equal(detector.network.spatial.conv1.weight, before["spatial.conv1.weight"])
    with pytest.raises(WeightsError, match=r"unexpected: \S*layer1\.2\."):
        detector.load(resnet34().state_dict(), "resnet34.pth")


def test_cards_name_torchvision_s_own_files():
    for weights in open_catalogue().detector("two_stream")[1].weights:
        trunk = weights.filename.partition("-")[0]
        assert weights.url in {w.url for w in get_model_weights(trunk)}
        assert weights.filename == f"{trunk}-{weights.sha256}.pth"


@pytest.mark.parametrize("options", ["trunk=vgg16", "width=0", "size=16", "frames=5"])
def test_wrong_options_are_refused(options):
    with pytest.raises(OptionError, match="two_stream"):
        load_detector(f"two_stream:{options}")
