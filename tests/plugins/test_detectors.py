"""One battery that every detector passes: what the harness counts on, whoever wrote the plugin."""

from __future__ import annotations

import pytest
import torch
from small_detectors import clips_of, configured, small
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from dfbench.catalogue.cards import ClipSpec
from dfbench.catalogue.plugins import open_catalogue
from dfbench.detector.network import Detector, count_parameters

DETECTORS = sorted(open_catalogue().cards("detectors"))


@pytest.mark.parametrize("name", DETECTORS)
def test_card_says_all_that_a_table_needs(name):
    _, card = open_catalogue().detector(name)
    assert card.summary
    assert card.paper
    assert card.year
    assert card.licence
    assert card.options.get("size", card.clip.size) == card.clip.size
    assert card.options.get("frames", card.clip.frames) == card.clip.frames
    assert not card.recipe.weights or card.recipe.weights in {w.name for w in card.weights}
    for file in card.weights:
        assert file.url or file.page, f"{file.name} can be had nowhere"
        assert file.licence


@pytest.mark.parametrize("name", DETECTORS)
def test_forward_alone_and_in_a_batch(name):
    detector = small(name).eval()
    clips = clips_of(detector.clip, 3)
    with torch.no_grad():
        together = detector(clips)
        alone = torch.cat([detector(clip[None]) for clip in clips])
    assert together.shape == (3,)
    assert torch.isfinite(together).all()
    torch.testing.assert_close(together, alone, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", DETECTORS)
def test_stages_hold_every_parameter_once_and_frozen_ones_stay(name):
    detector = small(name)
    stages = detector.stages()
    held = [p for _, modules in stages for module in modules for p in module.parameters()]
    assert len(held) == len({id(p) for p in held}) == len(list(detector.parameters()))
    for top in sorted({1, len(stages)}):
        detector.fine_tune(str(top))
        detector.train()
        before = {k: v.clone() for k, v in detector.named_buffers()}
        detector(clips_of(detector.clip, 2)).sum().backward()
        for number, (stage, modules) in enumerate(reversed(stages)):
            grads = [p.grad for m in modules for p in m.parameters()]
            if number < top:
                assert all(g is not None and torch.isfinite(g).all() for g in grads), stage
            else:
                assert all(g is None for g in grads), stage
                norms = [m for part in modules for m in part.modules() if isinstance(m, _BatchNorm)]
                assert not any(norm.training for norm in norms), stage
        if top < len(stages):
            low = {id(b) for _, ms in stages[: len(stages) - top] for m in ms for b in m.buffers()}
            for key, buffer in detector.named_buffers():
                assert id(buffer) not in low or torch.equal(buffer, before[key]), key
        detector.zero_grad(set_to_none=True)


@pytest.mark.parametrize("name", DETECTORS)
def test_saved_and_loaded_it_scores_the_same(name):
    one, other = small(name).eval(), small(name, seed=1).eval()
    clips = clips_of(one.clip, 2)
    with torch.no_grad():
        assert not torch.equal(one(clips), other(clips))
        other.load({k: v.clone() for k, v in one.state_dict().items()}, "its own")
        assert torch.equal(one(clips), other(clips))


@pytest.mark.parametrize("name", DETECTORS)
def test_bf16_is_within_tolerance(name):
    detector = small(name).eval()
    clips = clips_of(detector.clip, 2)
    with torch.no_grad():
        exact = torch.sigmoid(detector(clips))
        with torch.autocast("cpu", torch.bfloat16):
            rough = torch.sigmoid(detector(clips).float())
    # Twice the farthest seen: 0.072, dsp_fwa on a processor without AVX. Eight bits of mantissa
    # round in another order on each.
    torch.testing.assert_close(rough, exact, rtol=0, atol=0.15)


@pytest.mark.parametrize("name", DETECTORS)
def test_learns_eight_clips_and_which_of_them_are_fake(name):
    """30 steps of Adam: the loss falls by ten times, and a positive logit means fake."""
    torch.manual_seed(0)
    detector = small(name)
    detector.fine_tune("all")
    detector.train()
    clips = clips_of(detector.clip, 8)
    labels = torch.arange(8) % 2
    clips[labels == 1, 0] *= 0.5
    quiet = [m for m in detector.modules() if isinstance(m, torch.nn.modules.dropout._DropoutNd)]
    for module in quiet:  # a check of the gradients, not of regularisation
        module.p = 0.0
    optimizer = torch.optim.Adam(detector.parameters(), lr=2e-3)
    losses = []
    for _ in range(30):
        logits = detector(clips)
        loss = detector.loss(logits, labels.float(), torch.ones(8))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    assert losses[-1] < losses[0] / 10, losses
    assert (logits[labels == 1].min() > logits[labels == 0].max()).item()


@pytest.mark.parametrize("name", DETECTORS)
def test_a_clip_of_another_length_is_refused_in_one_line(name):
    detector = small(name)
    card, _ = configured(name)
    frames = 5 if card.clip.frames == 1 else 1
    clips = torch.rand(1, 3, frames, card.clip.size, card.clip.size)
    with pytest.raises(ValueError, match=r"frame") as caught:
        detector.eval()(clips)
    assert "\n" not in str(caught.value)


def test_parameters_are_counted_without_the_normalisation():
    detector = small("meso4")
    assert count_parameters(detector) == count_parameters(detector.network)


def test_a_convolution_that_onednn_overruns_sees_channels_first():
    """Such a process aborts, at times; what the guard must hold is the layout."""

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.narrow = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 8, 1, stride=2)

        def forward(self, clips):
            return self.narrow(self.first(clips[:, :, 0])).mean((1, 2, 3))

    detector = Detector(Network(), ClipSpec(size=16)).place(torch.device("cpu"))
    seen = []
    for layer in (detector.network.first, detector.network.narrow):
        layer.register_forward_hook(lambda _, inputs, out: seen.append((inputs[0], out)))
    detector(torch.rand(2, 3, 1, 16, 16)).sum().backward()
    assert seen[0][1].is_contiguous(memory_format=torch.channels_last)
    assert seen[1][0].is_contiguous()
