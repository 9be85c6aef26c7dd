"""The step of the weights: rates by hand, a share a stage, and sharpness-aware minimisation."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from tiny_training import CLIP, SETTINGS, Tiny, tiny, train
from torch import nn

from dfbench.detector.network import Detector
from dfbench.errors import TrainingError
from dfbench.training.loop import training_step
from dfbench.training.optim import SHARPNESS_RADIUS, Uphill, learning_rate, make_optimizer, set_rate

TEN = replace(SETTINGS, lr=0.8, epochs=2)


def rates(settings, total=10):
    return [learning_rate(settings, step, total) for step in range(total)]


@pytest.mark.parametrize(
    ("about", "expected"),
    [
        ({"schedule": "constant"}, [0.8] * 10),
        ({"schedule": "cosine"}, [0.4 + 0.4 * math.cos(math.pi * n / 10) for n in range(10)]),
        ({"schedule": "step", "decay": 0.5}, [0.8] * 5 + [0.4] * 5),  # after each of the two epochs
        (
            {"schedule": "step", "decay": 0.5, "decay_steps": 3},
            [0.8, 0.8, 0.8, 0.4, 0.4, 0.4, 0.2, 0.2, 0.2, 0.1],
        ),
        ({"schedule": "linear", "decay": 0.4}, [0.8] * 7 + [0.6, 0.4, 0.2]),
        (
            {"schedule": "linear", "decay": 1.0},
            [0.8, 0.72, 0.64, 0.56, 0.48, 0.4, 0.32, 0.24, 0.16, 0.08],
        ),
        ({"schedule": "linear", "decay": 0.0}, [0.8] * 10),
        ({"schedule": "inverse", "decay": 1.0}, [0.8 / n for n in range(1, 11)]),
        ({"schedule": "inverse", "decay": 0.0}, [0.8] * 10),
        (
            {"schedule": "step", "decay": 0.1, "decay_steps": 2, "lr_floor": 0.003},
            [0.8, 0.8, 0.08, 0.08, 0.008, 0.008, 0.003, 0.003, 0.003, 0.003],
        ),
        ({"schedule": "linear", "decay": 0.4, "lr_floor": 0.5}, [0.8] * 7 + [0.6, 0.5, 0.5]),
    ],
)
def test_rates_by_hand(about, expected):
    assert rates(replace(TEN, **about)) == pytest.approx(expected, rel=1e-12)


def test_a_rate_asked_for_below_the_floor_is_not_raised():
    """A floor of 1e-6 must not turn ``--lr 1e-8`` into a hundred times as much."""
    settings = replace(TEN, lr=1e-8, lr_floor=1e-6, schedule="step", decay_steps=2)
    assert rates(settings) == [1e-8] * 10


def test_names_that_nobody_knows():
    with pytest.raises(TrainingError, match=r"adam, adamw, sgd or sam, not 'lion'"):
        make_optimizer(tiny(), replace(SETTINGS, optimizer="lion"), cuda=False)
    with pytest.raises(TrainingError, match=r"linear or inverse, not 'Cosine'"):
        learning_rate(replace(SETTINGS, schedule="Cosine"), 0, 10)


def owner(detector):
    """Parameter -> the name of its stage."""
    return {
        id(parameter): name
        for name, modules in detector.stages()
        for module in modules
        for parameter in module.parameters()
    }


def rate_by_stage(detector, optimizer):
    stage = owner(detector)
    return {
        stage[id(parameter)]: group["lr"]
        for group in optimizer.param_groups
        for parameter in group["params"]
    }


def test_each_stage_below_the_top_moves_by_a_smaller_rate():
    detector = tiny()
    optimizer = make_optimizer(detector, replace(SETTINGS, layer_decay=0.5), cuda=False)
    set_rate(optimizer, 0.08)
    assert rate_by_stage(detector, optimizer) == pytest.approx(
        {"head": 0.08, "high": 0.04, "low": 0.02}
    )
    grouped = [id(p) for group in optimizer.param_groups for p in group["params"]]
    assert sorted(grouped) == sorted(id(p) for p in detector.parameters())


def test_a_frozen_stage_is_not_in_the_optimiser_and_one_without_numbers_counts():
    class Hollow(Tiny):
        def stages(self):
            low, high, head = super().stages()
            return [low, ("pool", [nn.Identity()]), high, head]

    detector = Detector(Hollow(), CLIP)
    detector.fine_tune("3")
    optimizer = make_optimizer(detector, replace(SETTINGS, layer_decay=0.1), cuda=False)
    set_rate(optimizer, 1.0)
    assert rate_by_stage(detector, optimizer) == pytest.approx({"head": 1.0, "high": 0.1})
    detector.fine_tune("all")
    optimizer = make_optimizer(detector, replace(SETTINGS, layer_decay=0.1), cuda=False)
    set_rate(optimizer, 1.0)
    assert rate_by_stage(detector, optimizer)["low"] == pytest.approx(0.001)


def spied(monkeypatch, kind):
    """Rates of all groups at every step that the optimiser took."""
    seen = []
    step = kind.step

    def spy(self, *args, **kwargs):
        seen.append([group["lr"] for group in self.param_groups])
        return step(self, *args, **kwargs)

    monkeypatch.setattr(kind, "step", spy)
    return seen


@pytest.mark.parametrize("optimizer", ["sgd", "sam", "adamw"])
def test_training_uses_these_rates_also_when_it_goes_on(readers, tmp_path, monkeypatch, optimizer):
    seen = spied(monkeypatch, torch.optim.AdamW if optimizer == "adamw" else torch.optim.SGD)
    settings = replace(
        SETTINGS, optimizer=optimizer, schedule="linear", decay=0.75, layer_decay=0.5, patience=99
    )
    train(readers, tmp_path / "whole", settings)
    expected = [
        [rate, rate / 2, rate / 4] for rate in (learning_rate(settings, n, 12) for n in range(12))
    ]
    assert np.allclose(seen, expected, rtol=1e-9)
    assert expected[2] != expected[9]
    whole, seen[:] = list(seen), []

    class Stopped(BaseException):
        pass

    def stop(done, _total):
        if done == 6:  # in the middle of the second epoch
            raise Stopped

    with pytest.raises(Stopped):
        train(readers, tmp_path / "cut", settings, step=stop)
    seen.clear()
    train(readers, tmp_path / "cut", settings)
    assert seen == whole[4:]
    one, two = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "cut"))
    assert one == two


class Bowl(nn.Module):
    """Loss ``0.5 * sum(steep * weight**2)``, whatever the clips show. ``still`` has no gradient."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([1.0, -2.0, 0.5]))
        self.bias = nn.Parameter(torch.tensor([3.0]))
        self.still = nn.Parameter(torch.tensor([7.0]))
        self.passes = 0

    def forward(self, clips):
        self.passes += 1
        return clips.mean((1, 2, 3, 4)) * 0

    def loss(self, *_):
        return 0.5 * (STEEP[:3] * self.weight**2).sum() + 0.5 * STEEP[3] * (self.bias**2).sum()


STEEP = torch.tensor([1.0, 4.0, 0.1, 2.0])


def bowl_steps(steps, **about):
    """The four weights after each of so many training steps."""
    detector = Detector(Bowl(), CLIP)
    settings = replace(SETTINGS, **about)
    optimizer = make_optimizer(detector, settings, cuda=False)
    fabric = Fabric(accelerator="cpu", devices=1)
    module, optimizer = fabric.setup(detector, optimizer)
    clips, labels = torch.zeros(2, 2, 4, 4, 3, dtype=torch.uint8), torch.tensor([0, 1])
    reached = []
    for _ in range(steps):
        set_rate(optimizer, settings.lr)
        training_step(
            module,
            detector,
            optimizer,
            clips,
            labels,
            torch.ones(2),
            fabric,
            settings.optimizer == "sam",
        )
        network = detector.network
        reached.append(torch.cat([network.weight, network.bias]).detach().double().numpy())
    assert network.still.item() == 7.0
    return reached, network.passes


START, SLOPE = np.array([1.0, -2.0, 0.5, 3.0]), STEEP.double().numpy()


@pytest.mark.parametrize("decay", [0.0, 0.2])
def test_gradient_descent_with_momentum_by_hand(decay):
    reached, passes = bowl_steps(3, optimizer="sgd", lr=0.1, momentum=0.8, weight_decay=decay)
    weights, speed = START, np.zeros(4)
    for found in reached:
        speed = 0.8 * speed + SLOPE * weights + decay * weights
        weights = weights - 0.1 * speed
        assert found == pytest.approx(weights, rel=1e-5, abs=1e-6)
    assert passes == 3


@pytest.mark.parametrize("decay", [0.0, 0.2])
def test_sharpness_aware_steps_by_hand(decay):
    """Foret et al. 2021, algorithm 1: the gradient of the worst place within rho, taken at the
    weights, which decay at the place where they are."""
    reached, passes = bowl_steps(3, optimizer="sam", lr=0.1, momentum=0.8, weight_decay=decay)
    weights, speed = START, np.zeros(4)
    for found in reached:
        slope = SLOPE * weights
        worst = weights + SHARPNESS_RADIUS * slope / np.linalg.norm(slope)
        speed = 0.8 * speed + SLOPE * worst + decay * weights
        weights = weights - 0.1 * speed
        assert found == pytest.approx(weights, rel=1e-5, abs=1e-6)
    assert passes == 6


def test_uphill_is_rho_along_the_gradient_and_back_is_where_it_was():
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Linear(30, 20), nn.Linear(20, 1))
    layers[1].bias.requires_grad_(False)
    before = [p.detach().clone() for p in layers.parameters()]
    layers(torch.randn(8, 30)).square().sum().backward()
    grads = [
        p.grad.clone() if p.grad is not None else torch.zeros_like(p) for p in layers.parameters()
    ]
    uphill = Uphill(layers.parameters())
    moves = torch.cat(
        [(p.detach() - b).flatten() for p, b in zip(layers.parameters(), before, strict=True)]
    )
    slope = torch.cat([grad.flatten() for grad in grads])
    assert moves.norm().item() == pytest.approx(SHARPNESS_RADIUS, rel=1e-4)
    assert torch.allclose(moves, SHARPNESS_RADIUS * slope / slope.norm(), atol=1e-6)
    layers.zero_grad(set_to_none=True)
    layers(torch.randn(8, 30)).sum().backward()
    second = [None if p.grad is None else p.grad.clone() for p in layers.parameters()]
    uphill.back()
    for parameter, was, grad in zip(layers.parameters(), before, second, strict=True):
        assert torch.equal(parameter, was)
        assert grad is None or torch.equal(parameter.grad, grad)


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 0.0])
def test_a_gradient_without_direction_loses_no_weights(value):
    """fp16 begins with gradients that are infinite: the scaler leaves that step out, so the weights
    must be there again."""
    weight = nn.Parameter(torch.tensor([1.0, 2.0]))
    weight.grad = torch.tensor([value, 0.0])
    uphill = Uphill([weight])
    if value == 0.0:
        assert weight.tolist() == [1.0, 2.0]
    uphill.back()
    assert weight.tolist() == [1.0, 2.0]
