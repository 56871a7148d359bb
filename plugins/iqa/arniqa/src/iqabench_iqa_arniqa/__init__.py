"""ARNIQA: a linear regressor on features that tell distortions apart."""

from collections.abc import Iterable, Mapping

from iqabench import ImageNeeds, Param, ScorerSpec, WeightsFile, hookimpl

ENCODER = "ARNIQA.pth"
REGRESSORS = {
    "kadid10k": "4315bf471d52eb7d3e5de1e2ac8bb465f8eec10cd724103c72a178b9aaa4aa3f",
    "koniq10k": "af8f127aca38a8e1082e066b5ee93e533bf5f33aaf9c76b3c31526ef901919e1",
    "spaq": "dbee93f9a8deb3c8357af0b7d4598c153b4a10075be34f9b69daa1aa04e778e3",
    "flive": None,
    "clive": None,
    "live": None,
    "csiq": None,
    "tid2013": None,
}
"""The SHA-256 of each regressor's file, where it is known."""
LICENCE = "Apache-2.0"


def _file(
    name: str, sha256: str | None, *, size: int | None = None, when: Mapping[str, str] | None = None
) -> WeightsFile:
    return WeightsFile(
        name=name,
        sources=(
            f"https://github.com/miccunifi/ARNIQA/releases/download/weights/{name}",
            f"hf://chaofengc/IQA-PyTorch-Weights/{name}",
        ),
        licence=LICENCE,
        sha256=sha256,
        size=size,
        when=when,
    )


@hookimpl
def iqabench_scorers() -> Iterable[ScorerSpec]:
    yield ScorerSpec(
        id="ugc.arniqa",
        summary="ARNIQA: self-supervised distortion features at two scales, and a linear regressor",
        load="iqabench_iqa_arniqa.model:load",
        licence=LICENCE,
        paper="arXiv:2310.14918",
        code="https://github.com/miccunifi/ARNIQA",
        params=(
            Param(name="weights", default="kadid10k", choices=tuple(REGRESSORS), help="training set of the regressor"),
            Param(
                name="preprocess",
                default="crops",
                choices=("crops", "whole", "pyiqa", "torchmetrics"),
                help="crops: mean of 5 crops of 224, as in the paper; whole: the image at once, as in the README; "
                "pyiqa, torchmetrics: whole, half size made as they do",
            ),
        ),
        weights=(
            _file(ENCODER, "ad2022e59b1040d5bab24f9325c10d0215956a2061248a36c15edaec3e60fcd1", size=112155914),
            *(_file(f"regressor_{name}.pth", sha256, when={"weights": name}) for name, sha256 in REGRESSORS.items()),
        ),
        training_data=(
            "ImageNet",
            "KADIS-700k",
            "KADID-10k [weights=kadid10k]",
            "KonIQ-10k [weights=koniq10k]",
            "SPAQ [weights=spaq]",
            "FLIVE [weights=flive]",
            "CLIVE [weights=clive]",
            "LIVE [weights=live]",
            "CSIQ [weights=csiq]",
            "TID2013 [weights=tid2013]",
        ),
        needs=ImageNeeds(min_side=32),  # one stride of the encoder
        dtypes=("float32", "bfloat16", "float16"),
    )
