"""DISTS, with the scales of its authors; the network under them is pulled."""

from collections.abc import Iterable

from iqabench import ImageNeeds, Param, ScorerSpec, WeightsFile, hookimpl


@hookimpl
def iqabench_scorers() -> Iterable[ScorerSpec]:
    yield ScorerSpec(
        id="fr.dists",
        summary="DISTS: structure and texture compared in deep features, mild to resampled textures",
        load="iqabench_iqa_dists.model:load",
        licence="Apache-2.0 AND MIT",
        paper="doi:10.1109/TPAMI.2020.3045810",
        code="https://github.com/dingkeyan93/DISTS",
        reference=True,
        higher_is_better=False,
        score_range=(0, 1),
        params=(
            Param(
                name="resize",
                default=0,
                low=0,
                help="pixels to which the shorter side of larger images is shrunk before they are compared, 256 as "
                "the authors advise for their data; 0 compares them as they are",
            ),
        ),
        weights=(
            WeightsFile(
                name="vgg16-397923af.pth",
                sources=("https://download.pytorch.org/models/vgg16-397923af.pth",),
                licence="BSD-3-Clause (torchvision; trained on ImageNet, whose images are for non-commercial research)",
                sha256="397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
                size=553433881,
            ),
        ),
        training_data=("ImageNet", "KADID-10k", "DTD"),
        needs=ImageNeeds(min_side=16),
        dtypes=("float32", "bfloat16"),  # squares of activations overflow float16
    )
