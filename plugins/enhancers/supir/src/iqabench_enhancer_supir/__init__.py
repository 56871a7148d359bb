"""SUPIR, for super-resolution and for denoising. Its licence admits non-commercial use only."""

from collections.abc import Iterable
from dataclasses import replace

from iqabench import EnhancerSpec, Param, WeightsFile, hookimpl
from iqabench.diffusion.declaring import OFFLOAD, RAIL, SCALE, TILE, config_of, vae_tile

LICENCE = "LicenseRef-SUPIR (non-commercial only, for the weights and the architecture)"
MIRRORS = ("hf://camenduru/SUPIR", "hf://ashleykleynhans/SUPIR")  # officially they lie in a folder of Google Drive

WEIGHTS = (
    config_of("supir"),
    WeightsFile(
        name="sd_xl_base_1.0_0.9vae.safetensors",
        sources=("hf://stabilityai/stable-diffusion-xl-base-1.0/sd_xl_base_1.0_0.9vae.safetensors",),
        licence=RAIL,
    ),
    WeightsFile(
        name="SUPIR-v0Q.ckpt",
        sources=tuple(f"{mirror}/SUPIR-v0Q.ckpt" for mirror in MIRRORS),
        licence=LICENCE,
        sha256="d7f418398bb024d0d3c779c4ee4e9f171eb072306093f5bcfb2bf096aa2738f8",
        size=5329810432,
        when={"variant": "Q"},
    ),
    WeightsFile(
        name="SUPIR-v0F.ckpt",
        sources=tuple(f"{mirror}/SUPIR-v0F.ckpt" for mirror in MIRRORS),
        licence=LICENCE,
        sha256="9d8906255e2a2cc97b52d95d575461eca2a8971647d5e3e763291965c3a35314",
        when={"variant": "F"},
    ),
)
PARAMS = (
    Param(
        name="variant",
        default="Q",
        choices=("Q", "F"),
        help="Q, trained for quality on all degradations; F, trained on light ones for fidelity",
    ),
    Param(name="steps", default=50, low=1, high=1000, help="how often the network is asked"),
    Param(name="guidance", default=4.0, low=0, help="how far from the negative prompt, at the end of the sampling"),
    Param(name="guidance_start", default=1.0, low=0, help="the same at its start; between them it goes over linearly"),
    Param(name="churn", default=5.0, low=0, help="how much noise is added again, in all steps together"),
    Param(name="noise", default=1.01, low=0, help="by how much the noise that is added is larger than it should be"),
    Param(
        name="restoration",
        default=-1.0,
        help="exponent of the guidance towards the first stage, smaller is closer (paper, section 3.3); -1 is off",
    ),
    Param(name="strength", default=1.0, low=0, high=1, help="how strongly the poor image leads the diffusion"),
    Param(
        name="caption",
        default="",
        help="what the images show, put before the prompt; the authors have LLaVA describe each image",
    ),
    Param(name="prompt", default="official", help="what the result shall be; official: the authors' words of praise"),
    Param(name="negative_prompt", default="official", help="what it shall not be; official: the authors' words"),
    Param(
        name="colour",
        default="wavelet",
        choices=("wavelet", "adain", "none"),
        help="how the result gets the colours of the first stage",
    ),
    TILE,
    vae_tile(0),
    OFFLOAD,
)
SR = EnhancerSpec(
    id="sr.supir",
    summary="SUPIR ×4: SDXL restores an image that a robust encoder has seen; non-commercial use only",
    load="iqabench_enhancer_supir.model:load_sr",
    licence=LICENCE,
    paper="arXiv:2401.13627",
    code="https://github.com/Fanghua-Yu/SUPIR",
    task="sr",
    scale=4,
    params=(SCALE, *PARAMS),
    weights=WEIGHTS,
    training_data=("20 million images with captions, collected by the authors", "FFHQ", "SDXL's (unpublished)"),
    dtypes=("float32", "float16", "bfloat16"),
    cuda_dtype="float16",
    batchable=False,
    seeded=True,
    memory_mb=26000,
)


@hookimpl
def iqabench_enhancers() -> Iterable[EnhancerSpec]:
    yield SR
    yield replace(
        SR,
        id="dn.supir",
        summary="SUPIR for noise: SDXL restores an image that a robust encoder has seen; non-commercial use only",
        load="iqabench_enhancer_supir.model:load_dn",
        task="dn",
        scale=1,
        params=PARAMS,
    )
