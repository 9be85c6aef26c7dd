"""Published studies as protocols: what they ran, in a file that runs it again."""

from __future__ import annotations

from collections.abc import Iterable

from dfbench import ProtocolCard, hookimpl


@hookimpl
def dfbench_protocols() -> Iterable[ProtocolCard]:
    return [
        ProtocolCard(
            name="spatiotemporal-2021",
            summary="frame by frame against 3D networks on DFDC: the study dfbench grew from",
            target="dfbench_protocols:spatiotemporal-2021.toml",
            year=2021,
        ),
        ProtocolCard(
            name="ffpp-cross",
            summary="trained on FaceForensics++ c23, tested there, on Celeb-DF v2, DFDC and DFD",
            target="dfbench_protocols:ffpp-cross.toml",
            paper="Yan et al., DeepfakeBench: A Comprehensive Benchmark of Deepfake Detection, "
            "NeurIPS 2023",
            year=2023,
        ),
    ]
