"""NIMA, which predicts how people's ratings of an image would be distributed.

Its authors published neither code nor weights; these are the networks and the preprocessing of pyiqa, whose
weights are the ones that are widely used.
"""

from collections.abc import Iterable

from iqabench import Param, ScorerSpec, hookimpl
from iqabench.weights.pyiqa import pyiqa_file

FILES = {
    "ava": "NIMA_InceptionV2_ava-b0c77c00.pth",
    "koniq": "NIMA_koniq-250367ae.pth",
    "spaq": "NIMA-spaq-46a7fcb7.pth",
    "vgg16-ava": "NIMA_VGG16_ava-dc4e8265.pth",
}


@hookimpl
def iqabench_scorers() -> Iterable[ScorerSpec]:
    yield ScorerSpec(
        id="ugc.nima",
        summary="NIMA: the mean of a predicted distribution of ratings, on Inception-ResNet-v2",
        load="iqabench_iqa_nima.model:load",
        licence="Apache-2.0",
        paper="arXiv:1709.05424",
        code="https://github.com/chaofengc/IQA-PyTorch",
        params=(
            Param(
                name="weights",
                default="ava",
                choices=tuple(FILES),
                help="training set: ava and vgg16-ava, on VGG-16, rate aesthetics, 1..10; koniq and spaq quality, "
                "about 0..1",
            ),
        ),
        weights=tuple(pyiqa_file(training_set, name) for training_set, name in FILES.items()),
        training_data=(
            "ImageNet",
            "AVA [weights=ava]",
            "KonIQ-10k [weights=koniq]",
            "SPAQ [weights=spaq]",
            "AVA [weights=vgg16-ava]",
        ),
        dtypes=("float32", "bfloat16", "float16"),
    )
