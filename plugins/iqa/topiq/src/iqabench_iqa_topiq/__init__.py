"""TOPIQ: from the semantics of an image down to its distortions, without a reference and with one."""

from collections.abc import Iterable

from iqabench import ImageNeeds, Param, ScorerSpec, hookimpl
from iqabench.weights.pyiqa import pyiqa_file

PAPER = "arXiv:2308.03060"
CODE = "https://github.com/chaofengc/IQA-PyTorch"
LICENCE = "Apache-2.0"
# One stride of the coarsest feature map: a smaller image has no semantics to start from.
NEEDS = ImageNeeds(min_side=32)


@hookimpl
def iqabench_scorers() -> Iterable[ScorerSpec]:
    yield ScorerSpec(
        id="ugc.topiq",
        summary="TOPIQ, no-reference: attention from semantics down to distortions, on ResNet-50",
        load="iqabench_iqa_topiq.model:load",
        licence=LICENCE,
        paper=PAPER,
        code=CODE,
        params=(
            Param(
                name="weights",
                default="koniq",
                choices=("koniq", "spaq", "flive", "ava"),
                help="training set; flive and ava shrink or enlarge the short side to 384; ava rates aesthetics, 1..10",
            ),
        ),
        weights=(
            pyiqa_file(
                "koniq",
                "cfanet_nr_koniq_res50-9a73138b.pth",
                "9a73138beb3748dd6a83365610ac88fa1cd53225342c77fc9ed44a3be461354c",
            ),
            pyiqa_file("spaq", "cfanet_nr_spaq_res50-a7f799ac.pth"),
            pyiqa_file("flive", "cfanet_nr_flive_res50-ded1c74e.pth"),
            pyiqa_file("ava", "cfanet_iaa_ava_res50-3cd62bb3.pth"),
        ),
        training_data=(
            "ImageNet",
            "KonIQ-10k (training) [weights=koniq]",
            "SPAQ [weights=spaq]",
            "FLIVE [weights=flive]",
            "AVA [weights=ava]",
        ),
        needs=NEEDS,
        dtypes=("float32", "bfloat16", "float16"),
    )
    yield ScorerSpec(
        id="fr.topiq",
        summary="TOPIQ, full-reference: attention from semantics down to differences, on ResNet-50",
        load="iqabench_iqa_topiq.model:load_with_reference",
        licence=LICENCE,
        paper=PAPER,
        code=CODE,
        params=(Param(name="weights", default="kadid", choices=("kadid", "pipal"), help="training set"),),
        weights=(
            pyiqa_file("kadid", "cfanet_fr_kadid_res50-2c4cc61d.pth"),
            pyiqa_file("pipal", "cfanet_fr_pipal_res50-69bbe5ba.pth"),
        ),
        training_data=("ImageNet", "KADID-10k [weights=kadid]", "PIPAL [weights=pipal]"),
        needs=NEEDS,
        reference=True,
        dtypes=("float32", "bfloat16", "float16"),
    )
