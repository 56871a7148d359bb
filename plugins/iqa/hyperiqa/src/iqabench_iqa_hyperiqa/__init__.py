"""HyperIQA: a network that writes, for each image, the weights of the network that scores it."""

from collections.abc import Iterable

from iqabench import Param, ScorerSpec, WeightsFile, hookimpl
from iqabench.weights.pyiqa import pyiqa_file

OFFICIAL = "koniq_pretrained.pkl"
PYIQA = "HyperIQA-resnet50-koniq10k-c96c41b1.pth"


@hookimpl
def iqabench_scorers() -> Iterable[ScorerSpec]:
    yield ScorerSpec(
        id="ugc.hyperiqa",
        summary="HyperIQA: a hyper network adapts the quality predictor to the content of each image",
        load="iqabench_iqa_hyperiqa.model:load",
        licence="Apache-2.0",
        paper="doi:10.1109/CVPR42600.2020.00372",
        code="https://github.com/SSL92/hyperIQA",
        params=(
            Param(
                name="weights",
                default="koniq",
                choices=("koniq", "koniq-pyiqa"),
                help="koniq: the authors', about 0..100; koniq-pyiqa: trained anew by pyiqa, about 0..1",
            ),
            Param(
                name="preprocess",
                default="official",
                choices=("official", "pyiqa"),
                help="official: random crops of the image resized to 384×512; pyiqa: a grid of 25 at its own size",
            ),
            Param(
                name="crops",
                default=10,
                low=1,
                help="random crops, where official, whose scores are averaged (the paper takes 25)",
            ),
        ),
        weights=(
            WeightsFile(
                name=OFFICIAL,
                sources=(
                    "https://drive.usercontent.google.com/download"
                    "?id=1OOUmnbvpGea0LIGpIWEbOyxfWx6UCiiE&export=download&confirm=t",
                    f"hf://ByteDance/LatentSync-1.6/auxiliary/{OFFICIAL}",
                ),
                licence="MIT",
                sha256="ff9277bcc68ecc10e77d88b6d0a32825ec3c85562095542734ec6212eaaf6d81",
                size=109768650,
                when={"weights": "koniq"},
            ),
            pyiqa_file("koniq-pyiqa", PYIQA),
        ),
        training_data=("ImageNet", "KonIQ-10k"),
        dtypes=("float32", "bfloat16", "float16"),
        seeded=True,
    )
