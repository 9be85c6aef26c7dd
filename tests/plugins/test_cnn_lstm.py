"""CNN and LSTM: the trunk's checkpoint, the order of frames, the paper's sizes."""

from __future__ import annotations

import pytest
import torch
import torchvision

from dfbench.catalogue.cards import ClipSpec
from dfbench.detector.network import Detector
from dfbench.errors import WeightsError
from dfbench_cnn_lstm.networks import CnnLstm

SMALL = {"frames": 4, "size": 32, "trunk": "small", "hidden": 16}


def test_the_paper_s_sizes():
    with torch.device("meta"):
        network = CnnLstm()
        trunk = torchvision.models.inception_v3(weights=None, aux_logits=False, init_weights=False)
    assert network.lstm.input_size == network.lstm.hidden_size == 2048
    assert [m.out_features for m in network.head if isinstance(m, torch.nn.Linear)] == [512, 1]
    own = sum(p.numel() for p in network.trunk.parameters())
    assert own == sum(p.numel() for n, p in trunk.named_parameters() if not n.startswith("fc."))


def test_the_order_of_frames_matters_and_each_frame_goes_through_one_trunk():
    torch.manual_seed(0)
    network = CnnLstm(**SMALL).eval()
    clips = torch.rand(2, 3, 4, 32, 32)
    with torch.no_grad():
        assert not torch.allclose(network(clips), network(clips.flip(2)))
        apart = torch.stack([network.trunk(clips[:, :, t]) for t in range(4)], dim=1)
        states, _ = network.lstm(apart)
        torch.testing.assert_close(network(clips), network.head(states[:, -1])[:, 0])


def test_the_lstm_starts_as_keras_does():
    lstm = CnnLstm(**SMALL).lstm
    forget = (lstm.bias_ih_l0 + lstm.bias_hh_l0)[16:32]
    assert torch.equal(forget, torch.ones(16))
    gate = lstm.weight_hh_l0[:16]
    torch.testing.assert_close(gate @ gate.T, torch.eye(16), atol=1e-5, rtol=0)


def test_torchvision_s_inception_file_fills_the_trunk_and_its_extras_are_left():
    published = torchvision.models.inception_v3(weights=None, aux_logits=True, init_weights=False)
    with torch.no_grad():
        published.Conv2d_1a_3x3.conv.weight.fill_(0.25)
    detector = Detector(CnnLstm(frames=2, size=75, hidden=8), ClipSpec(frames=2, size=75))
    before = detector.network.head[0].weight.clone()
    detector.load(dict(published.state_dict()), "inception")
    assert detector.network.trunk.Conv2d_1a_3x3.conv.weight.unique().tolist() == [0.25]
    assert torch.equal(detector.network.head[0].weight, before)


def test_resnet_s_file_brings_its_own_normalisation_and_another_s_is_refused():
    weights = torchvision.models.resnet18(weights=None).state_dict()
    spec = ClipSpec(frames=2, size=32, mean=(0.5,) * 3, std=(0.5,) * 3)
    detector = Detector(CnnLstm(frames=2, size=32, trunk="resnet18", hidden=8), spec)
    detector.load(dict(weights), "resnet18")
    assert detector.mean.flatten().tolist() == pytest.approx([0.485, 0.456, 0.406])
    with pytest.raises(WeightsError, match="missing"):
        Detector(CnnLstm(**SMALL), ClipSpec(frames=4, size=32)).load(dict(weights), "resnet18")


@pytest.mark.parametrize(
    "wrong", [{"frames": 1}, {"size": 16}, {"trunk": "vgg"}, {"hidden": 0}], ids=str
)
def test_options_that_cannot_be(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        CnnLstm(**{**SMALL, **wrong})


def test_a_clip_of_another_length_is_refused():
    with pytest.raises(ValueError, match="clips of 4 frames, not 5"):
        CnnLstm(**SMALL)(torch.rand(1, 3, 5, 32, 32))
