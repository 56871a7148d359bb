"""MANIQA, which attends across the channels of a vision transformer's features, then across their places."""

from collections.abc import Iterable

from iqabench import ImageNeeds, Param, ScorerSpec, WeightsFile, hookimpl
from iqabench.weights.pyiqa import pyiqa_file

CROP = 224
RELEASES = "https://github.com/IIGROUP/MANIQA/releases/download"
PYIQA = "hf://chaofengc/IQA-PyTorch-Weights"
LICENCE = "Apache-2.0 (as the code; none is stated for the weights)"


@hookimpl
def iqabench_scorers() -> Iterable[ScorerSpec]:
    yield ScorerSpec(
        id="ugc.maniqa",
        summary="MANIQA: attention across channels and places of ViT features, in crops of the image",
        load="iqabench_iqa_maniqa.model:load",
        licence="Apache-2.0",
        paper="arXiv:2204.08958",
        code="https://github.com/IIGROUP/MANIQA",
        params=(
            Param(
                name="weights",
                default="koniq",
                choices=("koniq", "kadid", "pipal"),
                help="training set; pipal is of the NTIRE 2022 challenge, as pyiqa converted it",
            ),
            Param(
                name="preprocess",
                default="official",
                choices=("official", "pyiqa"),
                help="official averages the scores of random crops; pyiqa takes crops on a grid, and one weighted mean "
                "over the patches of all",
            ),
            Param(name="crops", default=20, low=1, help="how many crops of 224 pixels are judged"),
        ),
        weights=(
            WeightsFile(
                name="config.json",
                sources=("package://iqabench-iqa-maniqa/iqabench_iqa_maniqa/config.json",),
                licence="Apache-2.0",
            ),
            WeightsFile(
                name="ckpt_koniq10k.pt",
                sources=(f"{RELEASES}/Koniq10k/ckpt_koniq10k.pt", f"{PYIQA}/ckpt_koniq10k.pt"),
                licence=LICENCE,
                size=543335435,
                when={"weights": "koniq"},
            ),
            WeightsFile(
                name="ckpt_kadid10k.pt",
                sources=(f"{RELEASES}/Kadid10k/ckpt_kadid10k.pt", f"{PYIQA}/ckpt_kadid10k.pt"),
                licence=LICENCE,
                when={"weights": "kadid"},
            ),
            pyiqa_file("pipal", "MANIQA_PIPAL-ae6d356b.pth"),
        ),
        training_data=(
            "ImageNet-21k",
            "KonIQ-10k [weights=koniq]",
            "KADID-10k [weights=kadid]",
            "PIPAL [weights=pipal]",
        ),
        needs=ImageNeeds(min_side=CROP),
        dtypes=("float32", "bfloat16"),
        seeded=True,
    )
