"""LPIPS, with the linear weights of its authors; the networks under them are pulled."""

from collections.abc import Iterable

from iqabench import ImageNeeds, Param, ScorerSpec, WeightsFile, hookimpl

TORCHVISION = "https://download.pytorch.org/models"
LICENCE = "BSD-3-Clause (torchvision; trained on ImageNet, whose images are for non-commercial research)"


@hookimpl
def iqabench_scorers() -> Iterable[ScorerSpec]:
    yield ScorerSpec(
        id="fr.lpips",
        summary="LPIPS 0.1: distance between deep features, weighted as people see differences",
        load="iqabench_iqa_lpips.model:load",
        licence="Apache-2.0 AND BSD-2-Clause",
        paper="doi:10.1109/CVPR.2018.00068",
        code="https://github.com/richzhang/PerceptualSimilarity",
        reference=True,
        higher_is_better=False,
        score_range=(0, None),
        params=(
            Param(
                name="net",
                default="alex",
                choices=("alex", "vgg", "squeeze"),
                help="alex, the authors' choice for judging images; vgg, nearer to the losses of the time; squeeze, "
                "the smallest",
            ),
        ),
        weights=(
            WeightsFile(
                name="alexnet-owt-7be5be79.pth",
                sources=(f"{TORCHVISION}/alexnet-owt-7be5be79.pth",),
                licence=LICENCE,
                sha256="7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
                size=244408911,
                when={"net": "alex"},
            ),
            WeightsFile(
                name="vgg16-397923af.pth",
                sources=(f"{TORCHVISION}/vgg16-397923af.pth",),
                licence=LICENCE,
                sha256="397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
                size=553433881,
                when={"net": "vgg"},
            ),
            WeightsFile(
                name="squeezenet1_1-b8a52dc0.pth",
                sources=(f"{TORCHVISION}/squeezenet1_1-b8a52dc0.pth",),
                licence=LICENCE,
                sha256="b8a52dc049b60e4b6ab68ad0df457362afab8b6304b2febdc1650a5dab4d7e7b",
                when={"net": "squeeze"},
            ),
        ),
        training_data=("ImageNet", "BAPPS"),
        needs=ImageNeeds(min_side=31),
        dtypes=("float32", "float16", "bfloat16"),
    )
