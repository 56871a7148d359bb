"""LIQE, which asks CLIP how well an image fits descriptions of its quality."""

from collections.abc import Iterable

from iqabench import ImageNeeds, Param, ScorerSpec, WeightsFile, hookimpl

WINDOW = 224
RELEASE = "https://github.com/zwx8981/IQA-PyTorch/releases/download/Weights"  # of LIQE's first author
PYIQA = "hf://chaofengc/IQA-PyTorch-Weights"
LICENCE = "MIT (as the code; fine-tuned from OpenAI CLIP ViT-B/32, MIT)"


@hookimpl
def iqabench_scorers() -> Iterable[ScorerSpec]:
    yield ScorerSpec(
        id="ugc.liqe",
        summary="LIQE: CLIP fine-tuned on descriptions of scene, distortion and quality together",
        load="iqabench_iqa_liqe.model:load",
        licence="Apache-2.0",
        paper="doi:10.1109/CVPR52729.2023.01352",
        code="https://github.com/zwx8981/LIQE",
        params=(
            Param(
                name="weights",
                default="mix",
                choices=("mix", "mix-pyiqa", "koniq"),
                help="mix, trained on six datasets; mix-pyiqa, the same in the file made for pyiqa; koniq, trained on "
                "KonIQ-10k alone with prompts about quality only",
            ),
            Param(
                name="preprocess",
                default="official",
                choices=("official", "pyiqa"),
                help="official shrinks images of 768 pixels a side or more to that, and takes windows 48 pixels "
                "apart in those still 1024 or more across; pyiqa takes images as they are, windows 32 apart",
            ),
            Param(name="windows", default=15, low=1, help="how many windows of 224 pixels are judged, spread evenly"),
        ),
        weights=(
            WeightsFile(
                name="LIQE.pt",
                sources=(
                    "https://drive.usercontent.google.com/download?id=1GoKwUKNR-rvX11QbKRN8MuBZw2hXKHGh&export=download&confirm=t",
                ),
                licence=LICENCE,
                when={"weights": "mix"},
            ),
            WeightsFile(
                name="liqe_mix.pt",
                sources=(f"{RELEASE}/liqe_mix.pt", f"{PYIQA}/liqe_mix.pt"),
                licence=LICENCE,
                when={"weights": "mix-pyiqa"},
            ),
            WeightsFile(
                name="liqe_koniq.pt",
                sources=(f"{RELEASE}/liqe_koniq.pt", f"{PYIQA}/liqe_koniq.pt"),
                licence=LICENCE,
                when={"weights": "koniq"},
            ),
        ),
        training_data=("LIVE", "CSIQ", "KADID-10k", "BID", "CLIVE", "KonIQ-10k", "WebImageText"),
        needs=ImageNeeds(min_side=WINDOW),
        score_range=(1, 5),
        dtypes=("float32", "float16", "bfloat16"),
    )
