"""Frame detectors on timm's networks: the originals' logits from the originals' files."""

from __future__ import annotations

import csv

import pytest
import torch
from timm_originals import (
    agree,
    b4_checkpoint,
    b4_logits,
    clip_checkpoint,
    clip_features,
    images,
    logits_of,
    saved,
    xception_checkpoint,
    xception_logits,
)
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from dfbench import load_detector
from dfbench.catalogue.plugins import open_catalogue
from dfbench.detector.network import count_parameters
from dfbench.errors import OptionError, WeightsError
from dfbench_timm.clip import ClipLinear
from dfbench_timm.efficientnet import EfficientNetB4
from dfbench_timm.xception import Xception

SMALL = {
    "xception": "xception:width=0.0625,size=48",
    "efficientnet_b4": "efficientnet_b4:width=0.125,size=32",
    "clip_linear": "clip_linear:tower=test_vit,size=32",
}
CLIP_SMALL = "clip_linear:tower=vit_xsmall_patch16_clip_224,size=32"


# --- cards ----------------------------------------------------------------------------------


def test_parameters():
    with torch.device("meta"):
        assert count_parameters(Xception()) + 2049 == 20_811_050
        # torchvision's page says 19,341,616 for a thousand classes.
        assert count_parameters(EfficientNetB4()) + 999 * 1793 == 19_341_616
        assert count_parameters(EfficientNetB4(variant="tf")) == 17_552_202 - 1793


def test_clip_s_tower_is_the_published_one():
    """Radford et al. 2021: 24 layers of 1024, 16 heads, patch 14, QuickGELU; 427,616,513 with the
    text tower's 123,650,304 and the temperature."""
    with torch.device("meta"):
        network = ClipLinear()
    assert network.head.in_features == 768
    extra = 768 + 769  # timm's projection has a bias, of zeros; and the linear layer
    assert count_parameters(network) - extra == 427_616_513 - 123_650_304 - 1
    assert len(network.tower.blocks) == 24
    assert network.tower.blocks[0].attn.num_heads == 16
    assert type(network.tower.blocks[0].mlp.act).__name__ == "QuickGELU"


@pytest.mark.parametrize("name", SMALL)
def test_cards_name_their_files(name):
    card = open_catalogue().detector(name)[1]
    assert card.recipe.weights in {file.name for file in card.weights}
    for file in card.weights:
        assert file.url.startswith(("https://", "http://data.lip6.fr/"))
        if file.sha256:  # the publishers put the first digits into the name
            assert file.filename == f"{file.filename.rpartition('-')[0]}-{file.sha256}.pth"
    assert card.clip.frames == 1
    assert card.options["size"] == card.clip.size


@pytest.mark.parametrize(
    ("name", "rows"),
    [("xception", ("Xception", "Xception-c23")), ("efficientnet_b4", ("EfficientNet-B4",))],
)
def test_cards_quote_the_published_numbers(shared, name, rows):
    with (shared / "reference" / "published.csv").open(newline="") as file:
        wanted = {
            (
                r["source"],
                r["train"],
                r["test"],
                r["level"],
                r["metric"],
                float(r["value"]),
                r["init"].replace("-", ""),
            )
            for r in csv.DictReader(file)
            if r["detector"] in rows
        }
    card = open_catalogue().detector(name)[1]
    quoted = [
        (p.source, p.train, p.test, p.level, p.metric, p.value, p.initial) for p in card.published
    ]
    assert len(quoted) == len(wanted)
    assert set(quoted) == wanted


# --- Xception -------------------------------------------------------------------------------


def test_xception_computes_what_the_paper_s_network_does(tmp_path):
    state, pictures = xception_checkpoint(), images(43)
    ours = logits_of("xception:classes=real-fake", saved(tmp_path, state), pictures)
    theirs = xception_logits(state, pictures)
    agree(ours, theirs[:, 1] - theirs[:, 0])


def renamed(state, head, prefix=""):
    return {prefix + k.replace("fc.", head): v for k, v in state.items()}


def flat(state):
    return {k: v[:, :, 0, 0] if "pointwise" in k else v for k, v in state.items()}


ADJUST = {
    "adjust_channel.0.weight": torch.zeros(512, 128, 1, 1),
    "adjust_channel.1.running_var": torch.ones(512),
}
SPELLINGS = {
    "tstandley": ("real-fake", lambda s: s),
    "cadene": ("real-fake", lambda s: renamed(s, "last_linear.")),
    "2017": ("real-fake", flat),
    "data parallel": ("real-fake", lambda s: {"state_dict": renamed(s, "fc.", "module.")}),
    "net": ("real-fake", lambda s: {"epoch": 3, "net": flat(renamed(s, "last_linear."))}),
    "faceforensics": ("unknown", lambda s: renamed(s, "last_linear.1.", "model.")),
    "faceforensics without dropout": ("unknown", lambda s: renamed(s, "last_linear.", "model.")),
    "faceforensics data parallel": (
        "unknown",
        lambda s: renamed(s, "last_linear.1.", "module.model."),
    ),
    "deepfakebench": ("unknown", lambda s: renamed(s | ADJUST, "last_linear.", "backbone.")),
    "deepfakebench data parallel": (
        "unknown",
        lambda s: renamed(s | ADJUST, "last_linear.1.", "module.backbone."),
    ),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_xception_reads_all_spellings(tmp_path, spelling):
    """And where the publisher's order is known (real first) nobody need say it."""
    classes, spell = SPELLINGS[spelling]
    state, pictures = xception_checkpoint(0.0625), images(48)
    theirs = xception_logits(state, pictures)
    path = saved(tmp_path, spell(state))
    ours = logits_of(f"{SMALL['xception']},classes={classes}", path, pictures)
    agree(ours, theirs[:, 1] - theirs[:, 0])
    turned = logits_of(f"{SMALL['xception']},classes=fake-real", path, pictures)
    agree(turned, -ours)


@pytest.mark.parametrize("prefix", ["", "model.", "module."])
def test_xception_with_one_logit_is_taken_as_it_is(tmp_path, prefix):
    state, pictures = xception_checkpoint(0.0625, classes=1), images(48)
    path = saved(tmp_path, renamed(state, "fc.", prefix))
    agree(logits_of(SMALL["xception"], path, pictures), xception_logits(state, pictures)[:, 0])


@pytest.mark.parametrize("prefix", ["", "model."])
def test_xception_of_unknown_order_asks(tmp_path, prefix):
    path = saved(tmp_path, renamed(xception_checkpoint(0.0625), "fc.", prefix))
    with pytest.raises(WeightsError, match="classes=real-fake"):
        load_detector(SMALL["xception"], path)


def test_xception_from_imagenet_starts_with_a_fresh_head(tmp_path):
    state = xception_checkpoint(0.0625, classes=1000)
    detector = load_detector(SMALL["xception"], saved(tmp_path, flat(state)), seed=3)
    own = detector.network.model.state_dict()
    for name, tensor in state.items():
        assert name.startswith("fc.") or torch.equal(own[name], tensor), name
    fresh = load_detector(SMALL["xception"], seed=3).network.model
    assert torch.equal(own["fc.weight"], fresh.fc.weight)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda s: s.pop("block12.skipbn.bias"), "1 missing: network.model.block12.skipbn.bias"),
        (lambda s: s.update(ADJUST), "2 unexpected: network.model.adjust_channel"),
        (lambda s: s.update({"layer1.weight": torch.zeros(1)}), "unexpected: .*layer1.weight"),
        (lambda s: s.update({"bn4.bias": torch.zeros(3)}), r"bn4.bias \(3,\) instead of \(128,\)"),
    ],
)
def test_xception_refuses_another_network_s_file(tmp_path, harm, message):
    state = xception_checkpoint(0.0625)
    harm(state)
    with pytest.raises(WeightsError, match=message):
        load_detector(SMALL["xception"] + ",classes=real-fake", saved(tmp_path, state))


# --- EfficientNet-B4 ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def b4() -> dict[str, Tensor]:
    return b4_checkpoint()


def test_efficientnet_reads_efficientnet_pytorch_and_computes_what_it_does(tmp_path, b4):
    pictures = images(44)
    theirs = b4_logits(b4, pictures)
    name = "efficientnet_b4:variant=tf,classes=real-fake"
    agree(logits_of(name, saved(tmp_path, b4), pictures), theirs[:, 1] - theirs[:, 0])


def test_efficientnet_reads_deepfakebench_with_its_stem_and_normalisation(tmp_path, b4):
    prefix = {"_fc.": "backbone.last_layer."}
    state = {
        prefix.get(name[:4], "backbone.efficientnet.") + name.removeprefix("_fc."): tensor
        for name, tensor in b4.items()
    }
    pictures = images(44)
    theirs = b4_logits(b4, pictures, pad_stem=False)
    detector = load_detector("efficientnet_b4:variant=deepfakebench", saved(tmp_path, state))
    with torch.inference_mode():
        ours = detector.network.double()(pictures[:, :, None])
    agree(ours, theirs[:, 1] - theirs[:, 0])
    assert detector.mean.flatten().tolist() == detector.std.flatten().tolist() == [0.5] * 3
    with pytest.raises(WeightsError, match="variant=deepfakebench"):
        load_detector("efficientnet_b4:variant=tf", saved(tmp_path, state))


def test_efficientnet_s_forms_are_not_taken_for_each_other(tmp_path, b4):
    with pytest.raises(WeightsError, match="variant=tf"):
        load_detector("efficientnet_b4", saved(tmp_path, b4))


def test_efficientnet_reads_timm_s_names(tmp_path):
    name, pictures = SMALL["efficientnet_b4"], images(48)
    source = load_detector(name, seed=4)
    state = dict(source.network.model.state_dict())
    with torch.inference_mode():
        expected = source.network.double()(pictures[:, :, None])
    for prefix in ("", "module.model."):
        path = saved(tmp_path, renamed(state, "fc.", prefix))
        assert torch.equal(logits_of(name, path, pictures), expected)
    state["classifier.weight"], state["classifier.bias"] = torch.zeros(1000, 224), torch.zeros(1000)
    load_detector(name, saved(tmp_path, state))
    with pytest.raises(WeightsError, match=r"unexpected: network\.model\._blocks\.40"):
        load_detector(
            f"{name},variant=tf",
            saved(
                tmp_path,
                {
                    "_conv_stem.weight": torch.zeros(6, 3, 3, 3),
                    "_blocks.40._bn9.bias": torch.zeros(1),
                },
            ),
        )


# --- CLIP -----------------------------------------------------------------------------------


def test_clip_reads_openai_s_names_and_computes_what_it_does(tmp_path):
    state = clip_checkpoint(width=256, depth=10, patch=16, tokens=5, out=512)
    detector = load_detector(CLIP_SMALL, saved(tmp_path, state))
    pictures = images(32)
    theirs = clip_features(state, pictures, heads=4, activation=F.gelu)
    network = detector.network.double()
    with torch.inference_mode():
        agree(network.tower(pictures), theirs)
        agree(network(pictures[:, :, None]), network.head(theirs)[:, 0])
    state.pop("visual.ln_post.bias")
    with pytest.raises(WeightsError, match=r"1 missing: network\.tower\.norm\.bias"):
        load_detector(CLIP_SMALL, saved(tmp_path, state))


def test_clip_s_head_is_fresh_from_clip_and_kept_from_its_own_file(tmp_path):
    source = load_detector(SMALL["clip_linear"], seed=1)
    tower = saved(tmp_path, source.network.tower.state_dict())
    again = load_detector(SMALL["clip_linear"], tower, seed=2)
    fresh = load_detector(SMALL["clip_linear"], seed=2)
    assert torch.equal(again.network.head.weight, fresh.network.head.weight)
    assert torch.equal(again.network.tower.pos_embed, source.network.tower.pos_embed)
    whole = load_detector(SMALL["clip_linear"], saved(tmp_path, source.network.state_dict()))
    assert torch.equal(whole.network.head.weight, source.network.head.weight)


def test_clip_s_tower_stays_as_it_is():
    detector = load_detector(SMALL["clip_linear"])
    detector.fine_tune(open_catalogue().detector("clip_linear")[1].recipe.fine_tune)
    detector.train()
    before = {k: v.clone() for k, v in detector.state_dict().items()}
    optimizer = torch.optim.Adam([p for p in detector.parameters() if p.requires_grad], lr=0.1)
    logits = detector(torch.rand(4, 3, 1, 32, 32))
    detector.loss(logits, torch.tensor([0.0, 1, 0, 1]), torch.ones(4)).backward()
    assert all(p.grad is None for p in detector.network.tower.parameters())
    assert all(p.grad is not None for p in detector.network.head.parameters())
    assert not any(module.training for module in detector.network.tower.modules())
    optimizer.step()
    changed = {k for k, v in detector.state_dict().items() if not torch.equal(v, before[k])}
    assert changed == {"network.head.weight", "network.head.bias"}


# --- all of them ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", SMALL)
def test_stages_hold_every_parameter_once(name):
    detector = load_detector(SMALL[name])
    held = [id(p) for _, modules in detector.stages() for m in modules for p in m.parameters()]
    assert len(held) == len(set(held))
    assert set(held) == {id(p) for p in detector.parameters()}
    assert detector.stages()[-1][0] == "head"


@pytest.mark.parametrize("name", SMALL)
def test_frames_and_not_clips(name):
    detector = load_detector(SMALL[name])
    size = detector.clip.size
    with pytest.raises(ValueError, match="takes single frames"):
        detector.network(torch.zeros(1, 3, 16, size, size))
    batch = torch.rand(3, 3, 1, size, size)
    with torch.inference_mode():
        together = detector(batch)
        alone = torch.cat([detector(clip[None]) for clip in batch])
    assert together.shape == (3,)
    assert torch.allclose(together, alone, atol=1e-5)


@pytest.mark.parametrize("name", SMALL)
def test_it_learns(name):
    detector = load_detector(SMALL[name]).train()
    size = detector.clip.size
    generator = torch.Generator().manual_seed(0)
    clips = torch.rand(8, 3, 1, size, size, generator=generator) * 0.5
    labels = torch.tensor([0.0, 1.0] * 4)
    clips[labels == 1] += 0.4
    optimizer = torch.optim.Adam(detector.parameters(), lr=3e-3)
    losses = []
    for _ in range(12):
        loss = detector.loss(detector(clips), labels, torch.ones(8))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] / 5
    detector_logits = detector(clips).detach()
    assert detector_logits[labels == 1].min() > detector_logits[labels == 0].max()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("xception:width=0", "width is"),
        ("xception:size=16", "size is 32"),
        ("xception:classes=both", "classes is"),
        ("efficientnet_b4:variant=keras", "variant is timm, tf, deepfakebench"),
        ("clip_linear:tower=nonsense,size=32", "no vision transformer"),
        ("clip_linear:tower=test_resnet,size=32", "no vision transformer"),
        ("clip_linear:tower=test_vit,size=33", "multiple of the tower's patch, 16 px"),
    ],
)
def test_wrong_options_are_refused(name, message):
    with pytest.raises(OptionError, match=message):
        load_detector(name)


def test_a_thin_network_differs_in_nothing_but_width():
    """Layers, kernels and strides of the full one; the names of its parameters too."""

    def layers(network: nn.Module) -> list[tuple]:
        return [
            (name, m.kernel_size, m.stride, m.padding, m.groups == 1)
            for name, m in network.named_modules()
            if isinstance(m, nn.Conv2d)
        ]

    with torch.device("meta"):
        full, thin = EfficientNetB4(), EfficientNetB4(width=0.125)
    assert layers(full) == layers(thin)
    assert list(full.state_dict()) == list(thin.state_dict())
    assert count_parameters(thin) < count_parameters(full) / 30
