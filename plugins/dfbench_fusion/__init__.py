"""Frame fusion: four ways of showing time to one AlexNet-like trunk (Karpathy et al., 2014)."""

from __future__ import annotations

from collections.abc import Iterable

from dfbench import ClipSpec, DetectorCard, Published, Recipe, hookimpl


def _clip(frames: int, stride: int = 1) -> ClipSpec:
    return ClipSpec(
        frames=frames,
        stride=stride,
        size=170,
        margin=1.3,
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
    )


# The paper's is SGD (1e-3, momentum 0.9, decay 5e-4) on a million videos. On a hundred short ones
# that stays at chance, where Adam learns in a few epochs.
_RECIPE = Recipe(
    epochs=12, batch_size=16, lr=3e-4, weight_decay=5e-4, clips_per_video=4, patience=6
)
# The study calls its entry "Single Frame ST feature Fusion" and does not say more.
_STUDY = tuple(
    Published(
        source="spatiotemporal-2021",
        train="DFDC",
        test="DFDC",
        level="video",
        metric=metric,
        value=value,
    )
    for metric, value in (("accuracy", 0.78), ("precision", 0.79), ("recall", 0.90), ("f1", 0.85))
)


def _card(
    name: str, summary: str, clip: ClipSpec, published: tuple[Published, ...] = ()
) -> DetectorCard:
    return DetectorCard(
        name=name,
        summary=summary,
        target=f"dfbench_fusion.networks:{name}",
        methods=(),
        paper="Karpathy et al., Large-scale Video Classification with Convolutional Neural "
        "Networks, CVPR 2014",
        year=2014,
        licence="Apache-2.0",
        clip=clip,
        recipe=_RECIPE,
        options={"width": 1.0, "size": clip.size},
        published=published,
    )


@hookimpl
def dfbench_detectors() -> Iterable[DetectorCard]:
    return [
        _card(
            "single_frame",
            "one frame through the shared trunk (batch norm for its LRN)",
            _clip(1),
            _STUDY,
        ),
        _card(
            "late_fusion", "two frames 15 apart through one trunk, joined above it", _clip(2, 15)
        ),
        _card("early_fusion", "ten frames joined in the first convolution", _clip(10)),
        _card("slow_fusion", "ten frames joined little by little in three convolutions", _clip(10)),
    ]
