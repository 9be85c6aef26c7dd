"""torchvision's video ResNets: its own networks' logits, its Kinetics files, small settings."""

from __future__ import annotations

import csv
import re

import pytest
import torch
import torchvision.models.video as originals
from torchvision.models import get_model_weights

from dfbench import load_detector
from dfbench.catalogue.plugins import open_catalogue
from dfbench.detector.network import build_detector, count_parameters
from dfbench.errors import OptionError, WeightsError

PARAMETERS = {"tv_r3d18": 33_167_298, "tv_mc3": 11_491_266, "tv_r2plus1d": 31_301_151}
ORIGINALS = {"tv_r3d18": "r3d_18", "tv_mc3": "mc3_18", "tv_r2plus1d": "r2plus1d_18"}


def original(name: str, classes: int) -> torch.nn.Module:
    torch.manual_seed(3)
    return getattr(originals, ORIGINALS[name])(num_classes=classes).eval()


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters(name):
    """With two classes; the second adds a row of the head and its bias."""
    card = open_catalogue().detector(name)[1]
    with torch.device("meta"):
        assert (
            count_parameters(build_detector(card, card.options).network) + 513 == PARAMETERS[name]
        )


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_two_class_checkpoint_of_torchvision_keeps_its_logits(name):
    """Full size; what is fed is normalised with torchvision's own mean and deviation."""
    order, sign = ("fake-real", -1) if name == "tv_mc3" else ("real-fake", 1)
    detector = load_detector(f"{name}:frames=4,size=16,classes={order}").eval()
    network = original(name, 2)
    detector.load({"model": network.state_dict()}, "test.pth")
    transform = get_model_weights(ORIGINALS[name]).DEFAULT.transforms()
    mean, std = (torch.tensor(v).view(3, 1, 1, 1) for v in (transform.mean, transform.std))
    clips = torch.rand(2, 3, 4, 16, 16)
    with torch.inference_mode():
        expected = network((clips - mean) / std).diff(dim=1)[:, 0] * sign
        assert torch.allclose(detector(clips), expected, rtol=1e-4, atol=1e-4)


def test_the_kinetics_head_starts_fresh_and_the_rest_is_the_file_s():
    detector = load_detector("tv_mc3")
    before = detector.network.fc.weight.clone()
    state = original("tv_mc3", 400).state_dict()
    detector.load(state, "mc3_18.pth")
    own = detector.network.state_dict()
    assert torch.equal(own["fc.weight"], before)
    assert all(torch.equal(own[k], v) for k, v in state.items() if not k.startswith("fc."))


def test_files_of_other_networks_and_unknown_orders_are_refused():
    detector = load_detector("tv_mc3")
    with pytest.raises(WeightsError, match="for another network"):
        detector.load(original("tv_r3d18", 400).state_dict(), "r3d_18.pth")
    with pytest.raises(WeightsError, match="which class is fake"):
        detector.load(original("tv_mc3", 2).state_dict(), "two.pth")


@pytest.mark.parametrize("name", PARAMETERS)
def test_cards_name_torchvision_s_own_files(name):
    card = open_catalogue().detector(name)[1]
    official = get_model_weights(ORIGINALS[name]).DEFAULT
    (weights,) = card.weights
    assert weights.url == official.url
    assert weights.sha256 == re.search(r"-([0-9a-f]{8})\.pth$", official.url)[1]
    assert card.recipe.weights == weights.name
    assert card.clip.mean == tuple(official.transforms().mean)
    assert card.clip.std == tuple(official.transforms().std)
    assert [card.clip.size] * 2 == official.transforms().crop_size


def test_published_number(shared):
    with (shared / "reference" / "published.csv").open() as file:
        (row,) = [row for row in csv.DictReader(file) if row["source"] == "de-lima-2020"]
    (quoted,) = open_catalogue().detector("tv_r3d18")[1].published
    assert [quoted.train, quoted.test, quoted.level, quoted.metric, str(quoted.value)] == [
        row["train"],
        row["test"],
        row["level"],
        row["metric"],
        row["value"],
    ]


@pytest.mark.parametrize("options", ["width=0", "frames=1", "size=0", "classes=fake", "depth=34"])
def test_wrong_options_are_refused(options):
    with pytest.raises(OptionError, match="tv_r3d18"):
        load_detector(f"tv_r3d18:{options}")
