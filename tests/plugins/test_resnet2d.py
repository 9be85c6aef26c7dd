"""2D ResNets: torchvision's networks and files, with one logit."""

from __future__ import annotations

import pytest
import torch
import torchvision

from dfbench.catalogue.cards import ClipSpec
from dfbench.catalogue.plugins import open_catalogue
from dfbench.detector.network import Detector
from dfbench.errors import WeightsError
from dfbench_resnet2d.networks import FrameResNet

SPEC = ClipSpec(frames=1, size=64)


def detector(depth=18, **options):
    return Detector(FrameResNet(depth, size=64, **options), SPEC).eval()


def official(depth, classes):
    torch.manual_seed(1)
    return torchvision.models.get_model(f"resnet{depth}", weights=None, num_classes=classes).eval()


def test_parameters_of_the_study_s_network():
    with torch.device("meta"):
        network = FrameResNet(50)
    total = sum(p.numel() for p in network.parameters())
    assert total + 2048 + 1 == 23_512_130  # with two classes
    assert sum(p.numel() for p in network.layer4.parameters()) == 14_964_736


@pytest.mark.parametrize("order", ["real-fake", "fake-real"])
def test_a_two_class_checkpoint_keeps_its_score(order):
    network, ours = official(18, 2), detector(classes=order)
    ours.load(dict(network.state_dict()), "two")
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        expected = torch.softmax(network(images), 1)[:, order.split("-").index("fake")]
        torch.testing.assert_close(torch.sigmoid(ours(images[:, :, None])), expected)


def test_an_imagenet_file_fills_all_but_the_head():
    network, ours = official(18, 1000), detector()
    head = ours.network.fc.weight.clone()
    ours.load(dict(network.state_dict()), "imagenet")
    assert torch.equal(ours.network.layer4[1].conv2.weight, network.layer4[1].conv2.weight)
    assert torch.equal(ours.network.fc.weight, head)


def test_two_classes_in_unknown_order_and_another_depth_are_refused():
    with pytest.raises(WeightsError, match="classes=real-fake"):
        detector().load(dict(official(18, 2).state_dict()), "two")
    with pytest.raises(WeightsError, match="unexpected"):
        detector().load(dict(official(34, 1000).state_dict()), "deeper")


def test_upper_layers_are_fine_tuned_by_default():
    _, card = open_catalogue().detector("resnet50")
    network = Detector(FrameResNet(18, size=64), SPEC)
    network.fine_tune(card.recipe.fine_tune)
    trained = {name.split(".")[1] for name, p in network.named_parameters() if p.requires_grad}
    assert trained == {"layer4", "fc"}
    assert card.recipe.weights == "imagenet-v1"


def test_options_that_cannot_be_and_clips():
    with pytest.raises(ValueError, match="size"):
        FrameResNet(18, size=16)
    with pytest.raises(ValueError, match="classes"):
        FrameResNet(18, classes="both")
    with pytest.raises(ValueError, match="resnet18 takes single frames, not clips of 4"):
        FrameResNet(18)(torch.rand(1, 3, 4, 64, 64))
