"""MesoNet: the authors' scores, with polarity turned, and nothing else."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from PIL import Image

from dfbench import load_detector
from dfbench.catalogue.plugins import open_catalogue
from dfbench.detector.network import Detector, count_parameters
from dfbench.errors import WeightsError
from dfbench.training.optim import learning_rate

FILES = {
    "Meso4_DF": "meso4",
    "Meso4_F2F": "meso4",
    "MesoInception_DF": "mesoinception4",
    "MesoInception_F2F": "mesoinception4",
}
CONSTANT = {"zeros": 0.0, "half": 0.5, "ones": 1.0}


@pytest.fixture(scope="module")
def known(shared) -> dict:
    return json.loads((shared / "reference" / "mesonet.json").read_text())["values"]


def official(shared: Path, name: str) -> Detector:
    return load_detector(FILES[name], shared / "data" / "weights" / "mesonet" / f"{name}.h5")


def fake(detector: Detector, images: np.ndarray) -> np.ndarray:
    """P(fake) of images [N, H, W, 3] in 0..1."""
    clips = torch.from_numpy(np.asarray(images, np.float32)).permute(0, 3, 1, 2)[:, :, None]
    with torch.inference_mode():
        return torch.sigmoid(detector(clips)).double().numpy()


@pytest.mark.parametrize("name", FILES)
def test_official_weights_give_the_official_scores(shared, known, name):
    detector, values = official(shared, name), known[name]
    for resize, method in (("nearest", Image.NEAREST), ("bilinear", Image.BILINEAR)):
        for picture, real in values[resize].items():
            with Image.open(shared / "data" / "images" / "mesonet" / picture) as image:
                pixels = np.asarray(image.convert("RGB").resize((256, 256), method)) / 255
            assert fake(detector, pixels[None]) == pytest.approx(1 - real, abs=1e-4), picture
    for constant, value in CONSTANT.items():
        images = np.full((1, 256, 256, 3), value)
        assert fake(detector, images) == pytest.approx(1 - values[constant], abs=1e-4)
    random = np.random.RandomState(0).rand(2, 256, 256, 3)
    expected = 1 - np.array(values["RandomState(0).rand(2,256,256,3)"])
    assert fake(detector, random) == pytest.approx(expected, abs=1e-4)


def test_polarity_a_fake_scores_above_a_real_one(shared):
    """The official sigmoid is P(real); ours is P(fake)."""
    detector = official(shared, "Meso4_DF")
    scores = {}
    for kind in ("df", "real"):
        files = sorted((shared / "data" / "images" / "mesonet" / kind).glob("*.jpg"))
        images = [np.asarray(Image.open(f).convert("RGB").resize((256, 256))) / 255 for f in files]
        scores[kind] = fake(detector, np.stack(images))
    assert scores["df"].min() > 0.9
    assert scores["real"].max() < 0.1


@pytest.mark.parametrize(("name", "number"), [("meso4", 27_977), ("mesoinception4", 28_615)])
def test_parameters(name, number):
    """Fault 20: ports that share batch norms and drop biases have 27,898."""
    assert count_parameters(load_detector(name).network) == number


def test_the_files_of_the_two_networks_are_not_taken_for_each_other(shared):
    folder = shared / "data" / "weights" / "mesonet"
    for name, file in (("meso4", "MesoInception_DF.h5"), ("mesoinception4", "Meso4_DF.h5")):
        with pytest.raises(WeightsError, match="for another network"):
            load_detector(name, folder / file)


@pytest.mark.parametrize("lost", ["bias:0", "beta:0", "kernel:0", "moving_mean:0"])
def test_a_keras_file_with_a_hole_is_refused(shared, tmp_path, lost):
    path = tmp_path / "x.h5"
    path.write_bytes((shared / "data" / "weights" / "mesonet" / "Meso4_DF.h5").read_bytes())
    names: list[str] = []
    with h5py.File(path, "a") as file:
        file.visit(names.append)
        del file[next(name for name in names if name.endswith(lost))]
    with pytest.raises(WeightsError):
        load_detector("meso4", path)


def test_cards_name_the_files_by_sha256(known):
    published = {
        weights.filename.removesuffix(".h5"): weights.sha256
        for name in ("meso4", "mesoinception4")
        for weights in open_catalogue().detector(name)[1].weights
    }
    assert published == {name: values["sha256"] for name, values in known.items()}


@pytest.mark.parametrize("name", ["meso4", "mesoinception4"])
def test_batch_and_alone_agree_and_random_starts_repeat(name):
    images = np.random.default_rng(0).random((3, 256, 256, 3))
    detector = load_detector(name, seed=7)
    together = fake(detector, images)
    assert together == pytest.approx([fake(detector, i[None])[0] for i in images], abs=1e-6)
    assert fake(load_detector(name, seed=7), images) == pytest.approx(together, abs=0)
    assert not np.allclose(fake(load_detector(name, seed=8), images), together)


# --- recipe ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["meso4", "mesoinception4"])
def test_loss_is_the_weighted_mean_squared_error_of_the_score(name):
    scores, labels = np.array([0.9, 0.2, 0.5]), np.array([1.0, 1.0, 0.0])
    logits = torch.from_numpy(np.log(scores / (1 - scores))).float()
    loss = load_detector(name).loss(
        logits, torch.from_numpy(labels).float(), torch.tensor([0.5, 0.5, 2.0])
    )
    expected = (0.5 * 0.1**2 + 0.5 * 0.8**2 + 2 * 0.5**2) / 3
    assert loss.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("step", "rate"), [(0, 1e-3), (1000, 1e-4), (2500, 1e-5), (5000, 1e-6)])
def test_the_rate_falls_to_a_tenth_every_thousand_steps_down_to_1e_6(step, rate):
    recipe = open_catalogue().detector("meso4")[1].recipe
    assert (recipe.optimizer, recipe.weight_decay) == ("adam", 0.0)
    assert learning_rate(recipe, step, 10_000) == pytest.approx(rate)


def test_augmentation_is_slight_and_in_all_five_ways():
    network = load_detector("meso4").network
    rng = np.random.default_rng(0)
    draws = [network.augment(rng) for _ in range(200)]
    assert open_catalogue().detector("meso4")[1].recipe.augment == "own"
    assert {d.jitter.flip for d in draws} == {True, False}
    for name, middle, most in (("brightness", 1, 0.25), ("hue", 0, 15)):
        values = np.array([getattr(d, name) for d in draws])
        assert most / 2 < np.abs(values - middle).max() <= most, name
    for name, middle, most in (("scale", 1, 0.15), ("rotation", 0, 15)):
        values = np.array([getattr(d.jitter, name) for d in draws])
        assert most / 2 < np.abs(values - middle).max() <= most, name
    assert network.augment(np.random.default_rng(0)) == draws[0]


@pytest.mark.parametrize(
    ("name", "called"), [("meso4", ("MesoNet", "Meso4")), ("mesoinception4", ("MesoInception4",))]
)
def test_published_numbers_are_those_of_the_table(shared, name, called):
    with (shared / "reference" / "published.csv").open() as file:
        expected = [
            (r["source"], r["train"], r["test"], r["level"], r["metric"], float(r["value"]))
            for r in csv.DictReader(file)
            if r["detector"] in called
        ]
    quoted = open_catalogue().detector(name)[1].published
    assert [(p.source, p.train, p.test, p.level, p.metric, p.value) for p in quoted] == expected
