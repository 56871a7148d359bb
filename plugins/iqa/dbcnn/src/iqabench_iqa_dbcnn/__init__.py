"""DB-CNN, which multiplies what two networks see: one trained on synthetic distortions, one on objects."""

from collections.abc import Iterable

from iqabench import ImageNeeds, Param, ScorerSpec, hookimpl
from iqabench.weights.pyiqa import pyiqa_file

FILES = {
    "koniq": "DBCNN_KonIQ10k-2de81c0a.pth",
    "livec": "DBCNN_LIVEC-83f6dad3.pth",
    "live": "DBCNN_LIVE-97262bf4.pth",
    "livem": "DBCNN_LIVEM-698474e3.pth",
    "csiq": "DBCNN_CSIQ-8677d071.pth",
    "tid2008": "DBCNN_TID2008-4b47c5d1.pth",
    "tid2013": "DBCNN_TID2013-485d021d.pth",
}


@hookimpl
def iqabench_scorers() -> Iterable[ScorerSpec]:
    yield ScorerSpec(
        id="ugc.dbcnn",
        summary="DB-CNN: bilinear pooling of a distortion network and VGG-16",
        load="iqabench_iqa_dbcnn.model:load",
        licence="Apache-2.0",
        paper="arXiv:1907.02665",
        code="https://github.com/zwx8981/DBCNN-PyTorch",
        params=(
            Param(
                name="weights",
                default="koniq",
                choices=tuple(FILES),
                help="training set; koniq and livec are of photos, the others of synthetic distortions",
            ),
        ),
        weights=tuple(pyiqa_file(training_set, name) for training_set, name in FILES.items()),
        training_data=(
            "ImageNet",
            "Waterloo Exploration",
            "PASCAL VOC 2012",
            "KonIQ-10k [weights=koniq]",
            "CLIVE [weights=livec]",
            "LIVE [weights=live]",
            "LIVE multiply distorted [weights=livem]",
            "CSIQ [weights=csiq]",
            "TID2008 [weights=tid2008]",
            "TID2013 [weights=tid2013]",
        ),
        # One stride of the coarser network, which shrinks four times by half.
        needs=ImageNeeds(min_side=16),
        dtypes=("float32", "bfloat16", "float16"),
    )
