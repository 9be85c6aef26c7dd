"""What a model starts from: an official checkpoint in its own terms, the card's file, or chance."""

from __future__ import annotations

import re
from collections import OrderedDict
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

from dfbench.catalogue.cards import ClipSpec, DetectorCard, Recipe, WeightsFile
from dfbench.catalogue.reporter import Reporter
from dfbench.detector.initial import InitialState, check_classes_order, compare, fit_head, unwrapped
from dfbench.detector.network import Detector, build_detector
from dfbench.errors import DfbenchError, OptionError, WeightsError
from dfbench.running.request import Request
from dfbench.running.start import check_network, initial_weights

FEATURES = torch.randn(5, 4, generator=torch.Generator().manual_seed(0)).double()


def line(caught: pytest.ExceptionInfo[DfbenchError]) -> str:
    text = str(caught.value)
    assert "\n" not in text
    return text


def checkpoint(rows: int, classes: str = "unknown", bias: bool = True) -> InitialState:
    torch.manual_seed(rows)
    state = {"body.weight": torch.ones(4), "fc.weight": torch.randn(rows, 4).double()}
    if bias:
        state["fc.bias"] = torch.randn(rows).double()
    return InitialState(state, head="fc", classes=classes)


def logits(initial: InitialState) -> torch.Tensor:
    return FEATURES @ initial.state["fc.weight"].T + initial.state.get("fc.bias", 0)


# --- the head -------------------------------------------------------------------------------


def test_a_head_of_one_logit_is_kept():
    given = checkpoint(1)
    assert fit_head(given, "net.pth") is given


@pytest.mark.parametrize(("classes", "fake"), [("real-fake", 1), ("fake-real", 0)])
@pytest.mark.parametrize("bias", [True, False])
def test_a_head_of_two_classes_keeps_its_softmax_score(classes, fake, bias):
    given = checkpoint(2, classes, bias)
    fitted = fit_head(given, "net.pth")
    assert fitted.state["fc.weight"].shape == (1, 4)
    assert ("fc.bias" in fitted.state) == bias
    torch.testing.assert_close(
        torch.sigmoid(logits(fitted)[:, 0]),
        torch.softmax(logits(given), 1)[:, fake],
        rtol=1e-12,
        atol=1e-12,
    )
    assert fitted.state["body.weight"] is given.state["body.weight"]
    assert given.state["fc.weight"].shape == (2, 4)


def test_a_head_of_two_classes_as_a_convolution():
    weight = torch.randn(2, 4, 1, 1, 1)
    fitted = fit_head(InitialState({"fc.weight": weight}, head="fc", classes="real-fake"), "net")
    assert torch.equal(fitted.state["fc.weight"], weight[1:] - weight[:1])


def test_two_classes_in_unknown_order_are_never_guessed():
    with pytest.raises(WeightsError) as caught:
        fit_head(checkpoint(2), "net.pth")
    assert re.search(r"net\.pth.*two.*classes=real-fake", line(caught))


def test_a_head_of_other_classes_starts_fresh():
    given = checkpoint(1000)
    fitted = fit_head(given, "net.pth")
    assert set(fitted.state) == {"body.weight"}
    assert set(fitted.fresh) == {"fc.weight", "fc.bias"}


def test_a_checkpoint_that_names_no_head_is_taken_as_it_is():
    given = InitialState({"fc.weight": torch.ones(2, 4)})
    assert fit_head(given, "net.pth") is given


@pytest.mark.parametrize("order", ["unknown", "real-fake", "fake-real"])
def test_orders_of_classes(order):
    assert check_classes_order(order) == order
    with pytest.raises(ValueError, match=r"real-fake or fake-real, not 'fake'"):
        check_classes_order("fake")


# --- names ----------------------------------------------------------------------------------


@pytest.mark.parametrize("wrapping", ["state_dict", "net", "model", None])
@pytest.mark.parametrize("prefix", ["module.", ""])
def test_the_usual_wrappings_come_off(wrapping, prefix):
    inner = OrderedDict({f"{prefix}fc.weight": torch.ones(1), f"{prefix}fc.submodule.b": FEATURES})
    wrapped = inner if wrapping is None else {"epoch": 3, wrapping: inner, "best": 0.5}
    found = unwrapped(wrapped)
    assert set(found) == {"fc.weight", "fc.submodule.b"}
    assert found["fc.submodule.b"] is FEATURES


def test_a_layer_that_is_called_like_a_wrapping_is_no_wrapping():
    assert set(unwrapped({"net": torch.ones(1), "model.weight": torch.ones(1)})) == {
        "net",
        "model.weight",
    }


def test_what_does_not_fit_is_listed_all_at_once():
    own = {name: torch.ones(2) for name in ("a", "b", "c", "d", "e", "f", "shape")}
    own["bn.num_batches_tracked"] = torch.tensor(0)
    given = {"shape": torch.ones(3), "f": "text", "x": torch.ones(2), "y": torch.ones(2)}
    with pytest.raises(WeightsError) as caught:
        compare(own, InitialState(given, fresh=("a",)), "net.pth")
    text = line(caught)
    assert text.startswith("net.pth is for another network")
    assert "4 missing: b, c, d, …" in text
    assert "2 unexpected: x, y" in text
    assert "1 no tensors: f" in text
    assert "1 of another shape: shape (3,) instead of (2,)" in text
    assert "tracked" not in text
    compare(own, InitialState(own), "net.pth")
    compare(
        own,
        InitialState({k: v for k, v in own.items() if k not in ("a", "b")}, fresh=("a", "b")),
        "net.pth",
    )


class Net(nn.Module):
    """A body and a head; ``convert`` as a plugin writes it."""

    def __init__(self, size: int = 16, landmarks: int = 5, classes: str = "unknown") -> None:
        super().__init__()
        self.given = (size, landmarks)
        self.classes = check_classes_order(classes)
        self.body = nn.Linear(3, size)
        self.head = nn.Linear(size, 1)

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(clips.mean((2, 3, 4))))[:, 0]

    def stages(self) -> list[tuple[str, list[nn.Module]]]:
        return [("body", [self.body]), ("head", [self.head])]

    def convert(self, tensors: dict[str, torch.Tensor]) -> InitialState:
        state = {k.replace("fc.", "head."): v for k, v in unwrapped(tensors).items()}
        return InitialState(
            state, head="head", classes=self.classes, mean=(0.5, 0.4, 0.3), std=(0.1, 0.2, 0.3)
        )


def official(rows: int, size: int = 16) -> dict:
    torch.manual_seed(1)
    return {
        "epoch": 1,
        "state_dict": {
            "module.body.weight": torch.randn(size, 3),
            "module.body.bias": torch.randn(size),
            "module.fc.weight": torch.randn(rows, size),
            "module.fc.bias": torch.randn(rows),
        },
    }


def test_an_official_checkpoint_gives_its_own_score():
    """By hand from the file: normalised as it was trained, softmax over its two classes."""
    detector = Detector(Net(classes="fake-real"), ClipSpec(size=16))
    tensors = official(2)
    detector.load(tensors, "net.pth")
    clips = torch.rand(4, 3, 1, 6, 6)
    state = tensors["state_dict"]
    colour = (clips.mean((2, 3, 4)) - torch.tensor([0.5, 0.4, 0.3])) / torch.tensor([0.1, 0.2, 0.3])
    body = colour @ state["module.body.weight"].T + state["module.body.bias"]
    both = torch.softmax(body @ state["module.fc.weight"].T + state["module.fc.bias"], 1)
    torch.testing.assert_close(torch.sigmoid(detector(clips)), both[:, 0])
    again = Detector(Net(), ClipSpec(size=16))  # what dfbench saves needs no order any more
    again.load(detector.state_dict(), "model.safetensors")
    assert torch.equal(again(clips), detector(clips))


def test_a_head_of_a_thousand_classes_leaves_the_random_one():
    detector = Detector(Net(), ClipSpec(size=16))
    before = detector.network.head.weight.clone()
    tensors = official(1000)
    detector.load(tensors, "net.pth")
    assert torch.equal(detector.network.head.weight, before)
    assert torch.equal(detector.network.body.weight, tensors["state_dict"]["module.body.weight"])


def test_a_missing_body_is_not_forgiven_with_a_fresh_head():
    tensors = official(1000)
    del tensors["state_dict"]["module.body.bias"]
    tensors["state_dict"]["module.extra"] = torch.ones(1)
    detector = Detector(Net(), ClipSpec(size=16))
    before = {k: v.clone() for k, v in detector.state_dict().items()}
    with pytest.raises(WeightsError, match=r"missing: network\.body\.bias; 1 unexpected: network"):
        detector.load(tensors, "net.pth")
    assert all(torch.equal(v, before[k]) for k, v in detector.state_dict().items())


# --- options that change the clip -----------------------------------------------------------


CARD = DetectorCard(
    name="net",
    summary="",
    target=f"{__name__}:Net",
    clip=ClipSpec(size=16),
    options={"size": 16, "landmarks": 5, "classes": "unknown"},
)


def test_an_option_of_the_clips_name_changes_the_clip_and_goes_to_the_network():
    card, options = CARD.configured({"size": "24", "landmarks": "68"})
    assert (card.clip.size, card.clip.landmarks, card.clip.frames) == (24, 68, 1)
    assert options == {"size": 24, "landmarks": 68, "classes": "unknown"}
    assert build_detector(card, options).network.given == (24, 68)
    assert CARD.clip.size == 16
    same, options = CARD.configured({})
    assert same == CARD
    assert options == CARD.options


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"size": "0"}, "net: size must be above 0, not 0"),
        ({"size": "-4"}, "net: size must be above 0, not -4"),
        ({"size": "big"}, "net: option size takes a int, not 'big'"),
        ({"size": "1.5"}, "net: option size takes a int, not '1.5'"),
        ({"landmarks": "7"}, "net: landmarks are 5 or 68, not 7"),
        ({"margin": "2"}, "net has no option 'margin'; its options: size=16"),
    ],
)
def test_a_value_that_cannot_be_is_told_in_one_line(given, says):
    with pytest.raises(OptionError) as caught:
        CARD.configured(given)
    assert says in line(caught)


def test_a_value_that_the_network_refuses_is_told_in_one_line():
    card, options = CARD.configured({"classes": "fake"})
    with pytest.raises(OptionError) as caught:
        build_detector(card, options)
    assert line(caught).startswith("net: classes is real-fake or fake-real")


# --- which weights --------------------------------------------------------------------------


def card_of(**about: str) -> DetectorCard:
    file = WeightsFile(name="kinetics", filename="net.pth", **about)
    return DetectorCard(
        name="net",
        summary="",
        target=f"{__name__}:Net",
        clip=ClipSpec(size=16),
        options=CARD.options,
        weights=(file,),
        recipe=Recipe(weights="kinetics"),
    )


def request(weights: str | None = None, train: str | None = "sample", **about) -> Request:
    return Request(detector="net", train=train, tests=("sample",), weights=weights, **about)


def begin(card: DetectorCard, asked: Request, cache: Path):
    return initial_weights(asked, card, cache, Reporter())


def in_place(cache: Path, tensors: dict, name: str = "net.pth") -> Path:
    path = cache / "weights" / "net" / name
    path.parent.mkdir(parents=True)
    torch.save(tensors, path)
    return path


@pytest.mark.parametrize(
    "about", [{"url": "http://127.0.0.1:9/net.pth"}, {"page": "https://example.org/nets"}]
)
def test_weights_by_default_that_cannot_be_had_name_the_way_out(tmp_path, about):
    with pytest.raises(WeightsError) as caught:
        begin(card_of(**about), request(), tmp_path)
    text = line(caught)
    assert "kinetics" in text
    assert "--weights" in text
    assert "none: random numbers" in text
    assert next(iter(about.values())) in text


def test_weights_that_were_asked_for_do_not_name_it(tmp_path):
    with pytest.raises(WeightsError) as caught:
        begin(card_of(page="https://example.org/nets"), request("kinetics"), tmp_path)
    assert "none: random" not in line(caught)


def test_none_is_random_and_nothing_is_fetched(tmp_path):
    card = card_of(url="http://127.0.0.1:9/net.pth")
    assert begin(card, request("none"), tmp_path) is None
    one, two = build_detector(card, {}), check_network(card, {}, None, request("none"))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    assert list(tmp_path.iterdir()) == []


def test_a_card_without_weights_by_default_starts_from_random_ones(tmp_path):
    assert begin(CARD, request(), tmp_path) is None


def test_the_cards_file_is_what_a_run_starts_from(tmp_path):
    card = card_of()
    path = in_place(tmp_path, official(1000))
    found = begin(card, request(), tmp_path)
    assert (found.name, found.path) == ("kinetics", path)
    detector = check_network(card, dict(card.options), found, request())
    expected = official(1000)["state_dict"]["module.body.weight"]
    assert torch.equal(detector.network.body.weight, expected)


def test_a_file_of_the_users_goes_before_the_cards(tmp_path):
    in_place(tmp_path, official(1000))
    mine = tmp_path / "mine.safetensors"
    safetensors.torch.save_file(build_detector(CARD, {}, seed=7).state_dict(), mine)
    found = begin(card_of(), request(str(mine)), tmp_path)
    assert found.path == mine
    detector = check_network(card_of(), {}, found, request(str(mine)))
    assert torch.equal(
        detector.network.body.weight, build_detector(CARD, {}, seed=7).network.body.weight
    )


def test_an_option_that_the_cards_file_does_not_fit_names_the_way_out(tmp_path):
    in_place(tmp_path, official(1000))
    card, options = card_of().configured({"size": "24"})
    found = begin(card, request(), tmp_path)
    with pytest.raises(WeightsError) as caught:
        check_network(card, options, found, request())
    assert re.search(r"of another shape: .*--weights names others, or none", line(caught))
    with pytest.raises(WeightsError) as caught:
        check_network(card, options, found, request("kinetics"))
    assert "names others" not in line(caught)


@pytest.mark.parametrize("weights", [None, "none", ""])
def test_nothing_untrained_is_evaluated(tmp_path, weights):
    with pytest.raises(WeightsError, match=r"--train none .*--weights \(kinetics\)"):
        begin(card_of(), request(weights, train=None), tmp_path)


@pytest.mark.parametrize(
    ("about", "says"),
    [
        ({"augment": "own"}, "--augment own: net has no augmentation of its own"),
        ({"augment": "harsh"}, "--augment is none, study, strong or own, not 'harsh'"),
        ({"fine_tune": "3"}, "from 1 to 2"),
    ],
)
def test_what_training_cannot_do_is_known_before_it_begins(about, says):
    with pytest.raises(OptionError) as caught:
        check_network(CARD, {}, None, request(**about))
    assert says in line(caught)
    check_network(CARD, {}, None, request(train=None, **about))


def test_a_recipe_that_asks_for_what_the_network_has_not_is_known_before_it_begins():
    card = DetectorCard(name="net", summary="", target=CARD.target, recipe=Recipe(augment="own"))
    with pytest.raises(OptionError, match="no augmentation of its own"):
        check_network(card, {}, None, request())
    check_network(card, {}, None, request(augment="study"))


def test_a_head_of_another_network_is_listed_and_not_asked_about():
    """The order of its classes would not help."""
    state = {"fc.weight": torch.zeros(2, 8), "fc.bias": torch.zeros(2)}
    initial = InitialState(state, head="fc")
    own = {"fc.weight": torch.zeros(1, 4), "fc.bias": torch.zeros(1)}
    assert fit_head(initial, "a file", own) == initial
    with pytest.raises(WeightsError, match="two-class head"):
        fit_head(initial, "a file", {"fc.weight": torch.zeros(1, 8)})


def test_half_a_normalisation_is_refused_and_not_passed_over():
    with pytest.raises(ValueError, match="mean and std"):
        InitialState({}, mean=(0.5, 0.5, 0.5))
