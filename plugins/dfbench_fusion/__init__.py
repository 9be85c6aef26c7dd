"""Single frame and three ways of joining frames (Karpathy et al. 2014) on one shared trunk."""

from __future__ import annotations

from collections.abc import Iterable

from dfbench import ClipSpec, DetectorCard, Published, Recipe, hookimpl

_PAPER = (
    "Karpathy et al., Large-scale Video Classification with Convolutional Neural Networks, "
    "CVPR 2014"
)
_LICENCE = "Apache-2.0"
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# The paper trains with SGD for weeks on a million videos. On the hundreds to thousands of a
# deepfake set Adam gets a random trunk off chance in a few epochs.
_RECIPE = Recipe(
    epochs=12, batch_size=16, lr=3e-4, weight_decay=5e-4, clips_per_video=4, patience=6,
)  # fmt: skip


def _card(
    name: str, summary: str, frames: int, stride: int, published: tuple[Published, ...] = ()
) -> DetectorCard:
    return DetectorCard(
        name=name,
        summary=summary,
        target=f"dfbench_fusion.networks:{name}",
        paper=_PAPER,
        year=2014,
        licence=_LICENCE,
        clip=ClipSpec(frames=frames, stride=stride, size=170, margin=1.3, mean=_MEAN, std=_STD),
        recipe=_RECIPE,
        options={"width": 1.0, "size": 170},
        published=published,
    )


def _study(metric: str, value: float) -> Published:
    return Published(source="spatiotemporal-2021", train="DFDC", test="DFDC", level="video",
                     metric=metric, value=value)  # fmt: skip


@hookimpl
def dfbench_detectors() -> Iterable[DetectorCard]:
    return [
        _card(
            "single_frame", "one frame through the shared trunk (batch norm for its LRN)", 1, 1,
            # "Single Frame ST feature Fusion" in the study's table.
            (_study("accuracy", 0.78), _study("precision", 0.79), _study("recall", 0.90),
             _study("f1", 0.85)),
        ),
        _card("late_fusion", "two frames 15 apart through one trunk, joined above it", 2, 15),
        _card("early_fusion", "ten frames joined in the first convolution", 10, 1),
        _card("slow_fusion", "ten frames joined little by little in three convolutions", 10, 1),
    ]  # fmt: skip
