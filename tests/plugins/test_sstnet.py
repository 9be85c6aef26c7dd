"""SSTNet, a reconstruction: its filters keep their promise, its streams see what they should."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from dfbench import load_detector
from dfbench.catalogue.plugins import open_catalogue
from dfbench.detector.network import count_parameters
from dfbench.errors import OptionError, WeightsError
from dfbench_sstnet.networks import SSTNet
from dfbench_sstnet.residuals import BayarFilters, SrmFilters

NAME = "sstnet:trunk=test_efficientnet,frames=3,size=32,hidden=8"
# Zhou et al. 2018, figure 3.
SRM = [
    [[0, 0, 0, 0, 0], [0, -1, 2, -1, 0], [0, 2, -4, 2, 0], [0, -1, 2, -1, 0], [0, 0, 0, 0, 0]],
    [
        [-1, 2, -2, 2, -1],
        [2, -6, 8, -6, 2],
        [-2, 8, -12, 8, -2],
        [2, -6, 8, -6, 2],
        [-1, 2, -2, 2, -1],
    ],
    [[0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 1, -2, 1, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]],
]


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


# --- residual filters -----------------------------------------------------------------------


def assert_constrained(filters: BayarFilters) -> None:
    kernels = filters.kernels()
    assert kernels.shape == (3, 3, 5, 5)
    assert torch.equal(kernels[:, :, 2, 2], torch.full((3, 3), -1.0))
    assert torch.allclose(kernels.sum(dim=(2, 3)), torch.zeros(3, 3), atol=1e-5)


def test_srm_kernels_are_the_classic_ones_and_sum_to_zero():
    kernels = SrmFilters().kernels()
    expected = torch.tensor(SRM, dtype=torch.float32) / torch.tensor([4, 12, 2]).view(3, 1, 1)
    for colour in range(3):
        assert torch.equal(kernels[:, colour], expected)
    assert torch.allclose(kernels.sum(dim=(2, 3)), torch.zeros(3, 3), atol=1e-6)
    assert count_parameters(SrmFilters()) == 0


@pytest.mark.parametrize("filters", [BayarFilters, SrmFilters])
def test_a_constant_image_leaves_nothing(filters):
    """Whatever its colour, up to the border; an edge does leave something."""
    with torch.no_grad():
        flat = noise(2, 3, 1, 1).expand(2, 3, 16, 16)
        assert filters()(flat).abs().max() < 1e-5
        edge = flat.clone()
        edge[..., 8:] += 0.5
        maps = filters()(edge)
    assert maps.shape == (2, 3, 16, 16)
    assert maps[..., 6:10].abs().max() > 0.01
    assert maps[..., :5].abs().max() < 1e-5


def test_filters_weigh_the_neighbours_as_they_say():
    """By hand at one pixel, all three colours."""
    torch.manual_seed(0)
    filters, image = BayarFilters(), noise(1, 3, 9, 9)
    expected = (filters.kernels() * image[0, :, 2:7, 3:8]).sum(dim=(1, 2, 3))
    assert torch.allclose(filters(image)[0, :, 4, 5], expected, atol=1e-6)


def test_the_constraint_holds_after_every_step_of_the_optimiser():
    detector = load_detector(NAME)
    detector.train()
    filters = detector.network.residual
    optimizer = torch.optim.Adam(detector.parameters(), lr=0.05, weight_decay=0.1)
    names = list(filters.state_dict())
    assert_constrained(filters)
    for step in range(3):
        before = filters.kernels().detach().clone()
        clips = noise(4, 3, 3, 32, 32, seed=step)
        loss = detector.loss(detector(clips), torch.tensor([0.0, 1, 0, 1]), torch.ones(4))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        assert_constrained(filters)
        assert (filters.kernels() - before).abs().max() > 1e-3  # it does learn
    assert list(filters.state_dict()) == names == ["weight"]
    again = BayarFilters()
    again.load_state_dict(filters.state_dict())
    assert torch.equal(again.kernels(), filters.kernels())


def test_half_precision_does_not_leak_the_picture():
    """bfloat16 kernels would sum to something: a bright flat image must still give zero."""
    for filters in (BayarFilters(), SrmFilters()):
        with torch.autocast("cpu", dtype=torch.bfloat16), torch.no_grad():
            assert filters(torch.full((1, 3, 8, 8), 0.977)).abs().max() < 1e-5


# --- the network ----------------------------------------------------------------------------


def test_parameters():
    """Two Xceptions without heads (20,811,050 with two classes), filters, LSTM, linear layer."""
    xception = 20_811_050 - 2 * 2049
    lstm = 4 * (512 * 4096 + 512 * 512 + 512 + 512)
    with torch.device("meta"):
        assert count_parameters(SSTNet()) == 2 * xception + 225 + lstm + 513
        assert count_parameters(SSTNet(residual="srm")) == 2 * xception + lstm + 513


def test_the_card_says_that_it_is_a_reconstruction():
    card = open_catalogue().detector("sstnet")[1]
    assert "reconstruction" in card.summary
    assert "reconstruction" in card.paper
    assert (card.clip.frames, card.clip.size, card.clip.mean) == (8, 299, (0.5, 0.5, 0.5))
    assert card.recipe.weights == card.weights[0].name
    assert load_detector(NAME).clip.frames == 3


@pytest.mark.parametrize("residual", ["bayar", "srm"])
def test_stages_hold_every_parameter_once(residual):
    detector = load_detector(f"{NAME},residual={residual}")
    held = [id(p) for _, modules in detector.stages() for m in modules for p in m.parameters()]
    assert len(held) == len(set(held))
    assert set(held) == {id(p) for p in detector.parameters()}
    assert [name for name, _ in detector.stages()] == ["streams", "lstm", "head"]


@pytest.mark.parametrize(("how", "learning"), [("head", {"head"}), ("2", {"head", "lstm"})])
def test_only_the_top_stages_learn(how, learning):
    detector = load_detector(NAME)
    detector.fine_tune(how)
    detector.train()
    before = {k: v.clone() for k, v in detector.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in detector.parameters() if p.requires_grad], lr=1)
    logits = detector(noise(2, 3, 3, 32, 32))
    detector.loss(logits, torch.tensor([0.0, 1]), torch.ones(2)).backward()
    optimizer.step()
    after = detector.state_dict()
    assert {k.split(".")[1] for k in after if not torch.equal(after[k], before[k])} == learning


@pytest.mark.parametrize("frames", [1, 2, 8])
def test_clips_of_another_length_are_refused(frames):
    network = load_detector(NAME).network
    with pytest.raises(ValueError, match=f"clips of 3 frames, not of {frames}"):
        network(torch.zeros(1, 3, frames, 32, 32))


def test_alone_and_in_a_batch_and_in_order():
    """Rows do not mix; the order of the frames matters; each stream matters."""
    detector = load_detector(NAME)
    clips = noise(3, 3, 3, 32, 32)
    with torch.inference_mode():
        together = detector(clips)
        assert together.shape == (3,)
        alone = torch.cat([detector(clip[None]) for clip in clips])
        assert torch.allclose(together, alone, atol=1e-6)
        assert not torch.allclose(detector(clips.flip(2)), together, atol=1e-6)
        # A brighter clip has the same noise: only the spatial stream may see the difference.
        network = detector.network
        network.lstm.weight_ih_l0[:, : network.spatial.num_features] = 0
        assert torch.allclose(detector(clips + 0.3), detector(clips), atol=1e-5)
        network.lstm.weight_ih_l0[:] = 0
        assert torch.allclose(detector(noise(3, 3, 3, 32, 32, seed=9)), detector(clips))


@pytest.mark.parametrize("residual", ["bayar", "srm"])
def test_it_learns_what_the_noise_shows(residual):
    """Fakes carry a faint grain, as bright as the rest on average."""
    detector = load_detector(f"{NAME},residual={residual}").train()
    clips = noise(8, 3, 1, 1, 1).expand(8, 3, 3, 32, 32).clone() * 0.6
    labels = torch.tensor([0.0, 1.0] * 4)
    clips[labels == 1] += 0.05 * (noise(4, 3, 3, 32, 32) - 0.5)
    optimizer = torch.optim.Adam(detector.parameters(), lr=1e-2)
    losses = []
    for _ in range(12):
        logits = detector(clips)
        loss = detector.loss(logits, labels, torch.ones(8))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] / 3
    assert logits[labels == 1].min() > logits[labels == 0].max()


# --- weights --------------------------------------------------------------------------------


def xception_file(**head: Tensor) -> dict[str, Tensor]:
    """An ImageNet file of Xception, by the names that timm's network has as well."""
    import timm

    torch.manual_seed(1)
    state = timm.create_model("legacy_xception", num_classes=0).state_dict()
    return {**state, **head}


def test_an_imagenet_file_fills_both_streams(tmp_path):
    state = xception_file(**{"fc.weight": torch.zeros(1000, 2048), "fc.bias": torch.zeros(1000)})
    oldest = {k: v[:, :, 0, 0] if "pointwise" in k else v for k, v in state.items()}
    torch.save(oldest, tmp_path / "xception.pth")
    loaded = load_detector("sstnet:hidden=8", tmp_path / "xception.pth", seed=3).network
    for stream in (loaded.spatial, loaded.noise):
        own = stream.state_dict()
        assert all(torch.equal(own[k], v) for k, v in state.items() if not k.startswith("fc."))
    del oldest["bn4.bias"]
    torch.save(oldest, tmp_path / "xception.pth")
    with pytest.raises(WeightsError, match=r"2 missing: network\.spatial\.bn4\.bias"):
        load_detector("sstnet:hidden=8", tmp_path / "xception.pth")


def test_its_own_state_dict_comes_back(tmp_path):
    source = load_detector(NAME, seed=1)
    torch.save(source.network.state_dict(), tmp_path / "own.pth")
    again = load_detector(NAME, tmp_path / "own.pth", seed=2)
    clips = noise(2, 3, 3, 32, 32)
    assert torch.equal(source(clips), again(clips))
    fixed = load_detector(f"{NAME},residual=srm", seed=1)
    assert [k for k in fixed.network.state_dict() if k.startswith("residual")] == []
    with pytest.raises(WeightsError, match=r"1 unexpected: network\.residual\.weight"):
        load_detector(f"{NAME},residual=srm", tmp_path / "own.pth")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("frames=1", "frames is 2 or more"),
        ("size=16", "size is 32"),
        ("residual=sobel", "bayar or srm"),
        ("hidden=0", "hidden is"),
        ("trunk=nonsense", "no network of timm"),
        ("trunk=test_vit", "one size alone"),
    ],
)
def test_wrong_options_are_refused(option, message):
    with pytest.raises(OptionError, match=message):
        load_detector(f"sstnet:{option}")
