"""MUSIQ, a transformer over the patches of an image at its own size and two smaller ones."""

from collections.abc import Iterable

from iqabench import Param, ScorerSpec, WeightsFile, hookimpl

GOOGLE = "https://storage.googleapis.com/gresearch/musiq"
LICENCE = "Apache-2.0 (as the code; none is stated for the weights)"


def _file(training_set: str) -> WeightsFile:
    name = f"{training_set}_ckpt.npz"
    return WeightsFile(name=name, sources=(f"{GOOGLE}/{name}",), licence=LICENCE, when={"weights": training_set})


@hookimpl
def iqabench_scorers() -> Iterable[ScorerSpec]:
    yield ScorerSpec(
        id="ugc.musiq",
        summary="MUSIQ: a transformer over patches of the image at its own size and two others",
        load="iqabench_iqa_musiq.model:load",
        licence="Apache-2.0",
        paper="arXiv:2108.05997",
        code="https://github.com/google-research/google-research/tree/master/musiq",
        params=(
            Param(
                name="weights",
                default="koniq",
                choices=("koniq", "spaq", "paq2piq", "ava"),
                help="training set; ava rates aesthetics, 1..10, the others quality, about 0..100",
            ),
            Param(
                name="preprocess",
                default="official",
                choices=("official", "pyiqa"),
                help="official resizes with TensorFlow's Gaussian kernel and computes GELU by the tanh formula, as JAX "
                "does; pyiqa resizes bicubically and computes GELU exactly",
            ),
        ),
        weights=tuple(_file(training_set) for training_set in ("koniq", "spaq", "paq2piq", "ava")),
        training_data=(
            "ImageNet",
            "KonIQ-10k [weights=koniq]",
            "SPAQ [weights=spaq]",
            "FLIVE [weights=paq2piq]",
            "AVA [weights=ava]",
        ),
        dtypes=("float32", "bfloat16", "float16"),
    )
