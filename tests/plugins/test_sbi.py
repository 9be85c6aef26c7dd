"""Self-blended images: what changes, where, and by how much; the authors' file by its names."""

from __future__ import annotations

import re

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from dfbench import load_detector
from dfbench.catalogue.plugins import open_catalogue
from dfbench.detector.network import build_detector, count_parameters
from dfbench.errors import DataError, OptionError, WeightsError
from dfbench.faces.geometry import FACE_TEMPLATE
from dfbench_sbi.blending import SelfBlending
from dfbench_sbi.masks import RATIOS, Blend, outline
from dfbench_sbi.networks import SelfBlended
from dfbench_sbi.transforms import Colour, Frequency, Move

SMALL = {"model": "test_efficientnet", "size": 64}
BOX = np.array([60.0, 50.0, 140.0, 150.0])
STILL = np.zeros((2, 9, 9))


@pytest.fixture
def picture() -> np.ndarray:
    rng = np.random.default_rng(0)
    rough = cv2.resize(rng.integers(0, 256, (10, 10, 3)).astype(np.uint8), (200, 200))
    return np.asarray((rough * 0.6 + rng.integers(0, 100, rough.shape)), np.uint8)


def face(count: int = 5) -> np.ndarray:
    """Landmarks of an upright face in ``BOX``."""
    five = FACE_TEMPLATE * 100 + [100, 100]
    if count == 5:
        return five
    angle = np.linspace(0, np.pi, 17)
    points = np.full((68, 2), 100.0)
    points[:17] = np.stack([100 - 36 * np.cos(angle), 95 + 50 * np.sin(angle)], 1)
    points[17:27] = np.stack([np.linspace(70, 130, 10), np.full(10, 76)], 1)
    points[27], points[30], points[48], points[54] = [100, 88], five[2], five[3], five[4]
    return points


def plain(**changed) -> Blend:
    """A mask without chance in it."""
    values = {"forehead": True, "elastic": STILL, "erode": 0.0, "soften": 0.0, "ratio": 1.0}
    return Blend(**{**values, **changed})


def frames_of(picture, count=5):
    return picture[None], BOX.astype(np.float32)[None], face(count).astype(np.float32)[None]


# --- masks ----------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [5, 68])
def test_the_mask_is_the_face_with_or_without_its_forehead(count):
    points = face(count)
    without, with_ = (plain(forehead=f).mask((200, 200), points, BOX) for f in (False, True))
    for x, y in face(5)[2:].round().astype(int):
        assert without[y, x] == with_[y, x] == 1
    corners = without[[55, 55, 145, 145], [65, 135, 65, 135]]
    assert not corners.any(), "a face is no rectangle"
    assert (without <= with_).all()
    top = [int(np.nonzero(mask.any(1))[0][0]) for mask in (without, with_)]
    assert top[1] < top[0] - 10
    assert np.nonzero(without.any(0))[0][[0, -1]] == pytest.approx([64, 136], abs=2)


def test_the_oval_of_five_points_turns_with_them():
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    assert outline(face() @ turn.T, True) == pytest.approx(outline(face(), True) @ turn.T)


def test_a_larger_first_kernel_shrinks_the_mask_and_a_larger_second_widens_it():
    """Paper, section 3.3: between the two smoothings all but the wholly inside is dropped."""
    base = (plain().mask((200, 200), face(), BOX) > 0).sum()
    shrunk = (plain(erode=0.2).mask((200, 200), face(), BOX) > 0).sum()
    widened = (plain(soften=0.2).mask((200, 200), face(), BOX) > 0).sum()
    assert shrunk < 0.9 * base
    assert widened > 1.1 * base
    soft = plain(soften=0.2).mask((200, 200), face(), BOX)
    assert ((soft > 0.1) & (soft < 0.9)).sum() > 200


def test_the_elastic_field_moves_the_edge_by_what_it_says():
    right = np.stack([np.full((9, 9), 0.1), np.zeros((9, 9))])  # looks a tenth of the face right
    moved = plain(elastic=right).mask((200, 200), face(), BOX)
    base = plain().mask((200, 200), face(), BOX)
    assert np.abs(np.roll(moved, 10, axis=1) - base).mean() < 0.002
    drawn = plain(elastic=Blend.draw(np.random.default_rng(0)).elastic)
    assert 0.005 < np.abs(drawn.mask((200, 200), face(), BOX) - base).mean() < 0.1


def test_the_ratio_is_the_greatest_share_and_drawn_from_the_paper_s_set():
    assert plain(ratio=0.25).mask((200, 200), face(), BOX).max() == 0.25
    rng = np.random.default_rng(0)
    drawn = np.array([Blend.draw(rng).ratio for _ in range(600)])
    assert set(drawn) == set(RATIOS)
    assert np.mean(drawn == 1) == pytest.approx(0.5, abs=0.07)


# --- transforms -----------------------------------------------------------------------------


def test_transforms_that_say_nothing_do_nothing(picture):
    assert np.abs(Colour().apply(picture).astype(int) - picture).max() <= 1
    assert np.array_equal(Frequency().apply(picture), picture)
    assert np.array_equal(Move().apply(picture, np.array([100.0, 100.0]), 100.0), picture)


def test_each_colour_setting_does_what_its_name_says():
    grey = np.full((4, 4, 3), 100, np.uint8)
    red = np.full((4, 4, 3), (200, 100, 100), np.uint8)
    assert Colour(shift=(10, 0, -10)).apply(grey)[0, 0].tolist() == [110, 100, 90]
    assert Colour(brightness=20).apply(grey)[0, 0].tolist() == [120] * 3
    assert Colour(contrast=1.1).apply(grey)[0, 0, 0] == round((100 - 127.5) * 1.1 + 127.5)
    assert Colour(value=1.1).apply(grey)[0, 0].tolist() == [110] * 3
    assert Colour(saturation=0.5).apply(red)[0, 0].tolist() == [200, 150, 150]
    assert Colour(hue=120).apply(red)[0, 0].tolist() == [100, 200, 100]


def test_frequency_takes_detail_away_or_adds_it(picture):
    def detail(image):
        return cv2.Laplacian(image, cv2.CV_64F).std()

    assert detail(Frequency(reduction=3).apply(picture)) < 0.3 * detail(picture)
    assert detail(Frequency(sharpening=1).apply(picture)) > 1.3 * detail(picture)
    rng = np.random.default_rng(0)
    drawn = [Frequency.draw(rng) for _ in range(50)]
    assert all((f.reduction > 1) != (f.sharpening > 0) for f in drawn)
    assert {f.reduction > 1 for f in drawn} == {True, False}


def test_move_scales_about_the_face_and_shifts_by_its_size():
    image = np.zeros((200, 200, 3), np.uint8)
    image[90:111, 90:111] = 255
    moved = Move(scale=(2.0, 1.0), shift=(0.1, 0.0)).apply(image, np.array([100.0, 100.0]), 200.0)
    rows, columns = np.nonzero(moved[..., 0] > 127)
    assert [columns.min(), columns.max()] == pytest.approx([100, 140], abs=1)
    assert [rows.min(), rows.max()] == [90, 110]


# --- blending -------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_a_blended_image_differs_from_its_target_within_the_mask_alone(picture, seed):
    drawn = SelfBlending.draw(np.random.default_rng(seed))
    target, blended = drawn.pair(picture, BOX, face())
    mask = drawn.blend.mask(picture.shape, face(), BOX)
    assert np.array_equal(blended[mask == 0], target[mask == 0])
    assert np.abs(blended[mask > 0].astype(int) - target[mask > 0]).mean() > 0.5
    assert np.array_equal(target, picture) != drawn.on_target


def test_source_and_target_are_mixed_by_the_mask(picture):
    drawn = SelfBlending(False, Colour(brightness=40), Frequency(), Move(), plain(ratio=0.5))
    dark = picture // 2
    target, blended = drawn.pair(dark, BOX, face())
    assert np.array_equal(target, dark)
    inside = drawn.blend.mask(dark.shape, face(), BOX) == 0.5
    assert np.abs(blended[inside].astype(int) - dark[inside] - 20).max() <= 1


@pytest.mark.parametrize("count", [5, 68])
def test_real_and_fake_of_one_draw_are_a_pair(picture, count):
    network = SelfBlended(**SMALL, landmarks=count)
    clip = frames_of(picture, count)
    changed = 0
    for seed in range(8):
        real, fake = (
            network.training_clips(*clip, label, np.random.default_rng(seed)) for label in (0, 1)
        )
        assert real.dtype == fake.dtype == np.uint8
        assert real.shape == fake.shape == clip[0].shape
        assert np.array_equal(real[:, :20], fake[:, :20]), "away from the face"
        assert not np.array_equal(real, fake)
        changed += not np.array_equal(real, clip[0])
    assert 0 < changed < 8, "now the target, now the source has the other colours"


def test_all_frames_of_a_clip_are_made_alike(picture):
    network = SelfBlended(**SMALL)
    clip = [np.repeat(part, 3, axis=0) for part in frames_of(picture)]
    fake = network.training_clips(*clip, 1, np.random.default_rng(0))
    assert np.array_equal(fake[0], fake[1])
    assert np.array_equal(fake[0], fake[2])


def test_landmarks_that_are_not_there_are_named_in_one_line(picture):
    network = SelfBlended(**SMALL, landmarks=68)
    with pytest.raises(DataError, match=r"68 landmarks.*there are 5") as caught:
        network.training_clips(*frames_of(picture), 1, np.random.default_rng(0))
    assert "\n" not in str(caught.value)


def test_the_region_is_the_box_and_an_eighth_around_it_at_test():
    network = SelfBlended(**SMALL)
    boxes, landmarks = BOX.astype(np.float32)[None], face().astype(np.float32)[None]
    assert network.regions(boxes, landmarks, None).tolist() == [[50, 37.5, 150, 162.5]]
    rng = np.random.default_rng(0)
    drawn = np.concatenate([network.regions(boxes, landmarks, rng) for _ in range(50)])
    margins = (drawn - BOX) * [-1, -1, 1, 1] / [80, 100, 80, 100]
    assert margins.min() >= 0.04
    assert margins.max() <= 0.20
    assert margins.std() > 0.03


# --- the network and its checkpoints --------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "number"),
    [
        # torchvision's counts with one output instead of 1000; Xception's of the original
        ("efficientnet_b4", 19_341_616 - 999 * 1793),
        ("resnet50", 25_557_032 - 999 * 2049),
        ("legacy_xception", 20_811_050 - 2049),
    ],
)
def test_parameters_and_stages(model, number):
    with torch.device("meta"):
        network = SelfBlended(model)
    assert count_parameters(network) == number
    held = [id(p) for _, modules in network.stages() for m in modules for p in m.parameters()]
    assert len(held) == len(set(held))
    assert set(held) == {id(p) for p in network.parameters()}
    names = [name for name, _ in network.stages()]
    assert len(set(names)) == len(names)
    assert names[-1] == "head"
    assert names[0] in ("conv_stem", "conv1")
    assert 6 <= len(names) < 20


def authors_names(network: SelfBlended) -> dict[str, str]:
    """Parameter names of efficientnet-pytorch by those of ``network``, from its modules' kinds.

    Both programs make a block's layers in the order in which an image passes them, so the nth
    convolution of a block is the nth there, and likewise for the batch norms.
    """
    names = {
        "conv_stem": "_conv_stem",
        "bn1": "_bn0",
        "conv_head": "_conv_head",
        "bn2": "_bn1",
        "classifier": "_fc",
    }
    trunk, number = network.trunk, 0
    for s, stage in enumerate(trunk.blocks):
        for b, block in enumerate(stage):
            layers = list(block.named_modules())
            convolutions = [n for n, m in layers if isinstance(m, nn.Conv2d)]
            norms = [n for n, m in layers if isinstance(m, nn.BatchNorm2d)]
            own = ["_expand_conv", "_depthwise_conv", "_se_reduce", "_se_expand", "_project_conv"]
            first = 3 - len(norms)  # the first stage does not expand
            theirs_norms = ["_bn0", "_bn1", "_bn2"][first:]
            pairs = [*zip(convolutions, own[first:], strict=True)]
            pairs += zip(norms, theirs_norms, strict=True)
            for ours, theirs in pairs:
                names[f"blocks.{s}.{b}.{ours}"] = f"_blocks.{number}.{theirs}"
            number += 1
    return names


def authors_file(network: SelfBlended, order: str = "real-fake") -> dict:
    """``network`` as the authors' program would have saved it, with two classes."""
    names = authors_names(network)
    state = {}
    for key, value in network.trunk.state_dict().items():
        module, _, kind = key.rpartition(".")
        if module == "classifier":
            rows = [torch.zeros_like(value), value]
            value = torch.cat(rows if order == "real-fake" else rows[::-1])
        state[f"net.{names[module]}.{kind}"] = value
    return {"model": state, "epoch": 99}


def test_the_authors_file_gives_its_own_score(tmp_path):
    """Real is the first class, and the input is 0..1 as it is. B0 stands for B4: same names."""
    torch.manual_seed(3)
    name = "tf_efficientnet_b0"
    network = SelfBlended(name, size=64).eval()
    path = tmp_path / "sbi.tar"
    torch.save(authors_file(network), path)
    clips = torch.rand(2, 3, 1, 64, 64)
    detector = load_detector(f"sbi:model={name},size=64", path).eval()
    with torch.inference_mode():
        assert torch.allclose(detector(clips), network(clips), atol=1e-5)
        torch.save(authors_file(network, "fake-real"), path)
        turned = load_detector(f"sbi:model={name},size=64,classes=fake-real", path).eval()
        assert torch.allclose(turned(clips), network(clips), atol=1e-5)
        upside_down = load_detector(f"sbi:model={name},size=64", path).eval()
        assert torch.allclose(upside_down(clips), -network(clips), atol=1e-5)


def test_the_authors_file_holds_every_name_of_b4_once():
    with torch.device("meta"):
        network = SelfBlended("tf_efficientnet_b4")
    tensors = authors_file(network)
    assert "net._blocks.31._se_reduce.weight" in tensors["model"]
    assert len(tensors["model"]) == 706  # as many as efficientnet-pytorch's own B4 has
    converted = network.convert(tensors).state
    assert set(converted) == set(network.state_dict())


def test_the_authors_file_needs_a_network_that_pads_as_theirs(tmp_path):
    path = tmp_path / "sbi.tar"
    torch.save(authors_file(SelfBlended("tf_efficientnet_b0", size=64)), path)
    with pytest.raises(WeightsError, match="sbi:model=tf_efficientnet_b4"):
        load_detector("sbi:model=efficientnet_b0,size=64", path)


def test_an_imagenet_file_of_timm_fills_all_but_the_head(tmp_path):
    import timm

    torch.manual_seed(0)
    imagenet = timm.create_model("test_efficientnet", pretrained=False, num_classes=1000)
    path = tmp_path / "timm.pth"
    torch.save(imagenet.state_dict(), path)
    detector = load_detector("sbi:model=test_efficientnet,size=64", path)
    own = detector.network.trunk.state_dict()
    for key, value in imagenet.state_dict().items():
        assert key.startswith("classifier.") or torch.equal(own[key], value), key
    assert own["classifier.weight"].shape[0] == 1
    with pytest.raises(WeightsError, match="for another network"):
        load_detector("sbi:model=efficientnet_b0,size=64", path)


def test_a_frame_detector_refuses_clips_and_scores_a_frame_alone_as_in_a_batch():
    detector = build_detector(open_catalogue().detector("sbi")[1], SMALL).eval()
    with pytest.raises(ValueError, match="sbi takes single frames, not clips of 16"):
        detector.network(torch.rand(1, 3, 16, 64, 64))
    clips = torch.rand(3, 3, 1, 64, 64)
    with torch.inference_mode():
        together = detector(clips)
        alone = torch.cat([detector(clip[None]) for clip in clips])
    assert together.shape == (3,)
    assert torch.allclose(together, alone, atol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        "model=vit_tiny_patch16_224",
        "model=efficientnet_b99",
        "size=8",
        "landmarks=7",
        "classes=fake",
    ],
)
def test_wrong_options_are_refused_in_one_line(options):
    with pytest.raises(OptionError, match="sbi") as caught:
        load_detector(f"sbi:{options}")
    assert re.fullmatch(r".+", str(caught.value))


def test_the_card_is_the_paper_s():
    card = open_catalogue().detector("sbi")[1]
    recipe = card.recipe
    assert (card.clip.size, card.clip.frames) == (380, 1)
    assert (recipe.optimizer, recipe.lr, recipe.momentum) == ("sam", 1e-3, 0.9)
    assert (recipe.epochs, recipe.batch_size, recipe.clips_per_video) == (100, 32, 8)
    assert (recipe.schedule, recipe.decay) == ("linear", 0.25)
    assert recipe.weights in {file.name for file in card.weights}
