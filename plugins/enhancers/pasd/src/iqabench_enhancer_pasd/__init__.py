"""PASD, for super-resolution and, at scale 1, for denoising."""

from collections.abc import Iterable
from dataclasses import replace

from iqabench import EnhancerSpec, ImageNeeds, Param, WeightsFile, hookimpl
from iqabench.diffusion.declaring import OFFLOAD, SCALE, config_of, process_size, vae_tile

OFFICIAL = "hf://yangtao9009/PASD/pasd/checkpoint-100000"
RAIL = "CreativeML OpenRAIL-M (use restrictions that must be passed on)"
BASES = ("stable-diffusion-v1-5/stable-diffusion-v1-5", "runwayml/stable-diffusion-v1-5")
"""Who gives Stable Diffusion 1.5 away; the second, the first to do so, has taken it back."""


def _official(part: str) -> WeightsFile:
    return WeightsFile(
        name=f"{part}.safetensors",
        sources=(f"{OFFICIAL}/{part}/diffusion_pytorch_model.safetensors",),
        licence="Apache-2.0",
    )


def _base(name: str, path: str) -> WeightsFile:
    return WeightsFile(name=name, sources=tuple(f"hf://{owner}/{path}" for owner in BASES), licence=RAIL)


PARAMS = (
    Param(name="steps", default=20, low=1, high=999, help="how often the network is asked"),
    Param(name="guidance", default=9.0, low=0, help="how far from the negative prompt"),
    Param(name="strength", default=1.0, low=0, help="how strongly the control branch leads"),
    Param(
        name="caption",
        default="",
        help="what the images show, the prompt's beginning; the authors have CoCa describe each image",
    ),
    Param(name="prompt", default="", help="words put after the caption"),
    Param(
        name="added_prompt",
        default="clean, high-resolution, 8k",
        help="what the result shall be, put right after the rest, as the authors do",
    ),
    Param(
        name="negative_prompt",
        default="blurry, dotted, noise, raster lines, unclear, lowres, over-smoothed",
        help="what the result shall not be",
    ),
    Param(
        name="start",
        default="image",
        choices=("image", "image-2023", "noise"),
        help="where sampling starts: from the image with some noise; with more, as in the code of 2023; from noise",
    ),
    process_size(768, low=64),
    Param(name="tile", default=2560, low=0, help="pixels of the tiles of the diffusion; 0 runs the whole"),
    Param(name="overlap", default=64, low=0, help="pixels that neighbouring tiles of the diffusion share"),
    vae_tile(1024),
    OFFLOAD,
)
SR = EnhancerSpec(
    id="sr.pasd",
    summary="PASD ×4: Stable Diffusion led by a control branch that its decoder sees pixel by pixel",
    load="iqabench_enhancer_pasd.model:load_sr",
    licence="Apache-2.0",
    paper="arXiv:2308.14469",
    code="https://github.com/yangxy/PASD",
    task="sr",
    scale=4,
    needs=ImageNeeds(min_side=8),
    params=(SCALE, *PARAMS),
    weights=(
        config_of("pasd"),
        _official("unet"),
        _official("controlnet"),
        _base("vae.safetensors", "vae/diffusion_pytorch_model.safetensors"),
        _base("text_encoder.safetensors", "text_encoder/model.safetensors"),
    ),
    training_data=("LAION-5B", "DIV2K", "Flickr2K", "OST", "FFHQ"),
    dtypes=("float32", "float16", "bfloat16"),
    cuda_dtype="float16",
    batchable=False,
    seeded=True,
    memory_mb=14000,
)


@hookimpl
def iqabench_enhancers() -> Iterable[EnhancerSpec]:
    yield SR
    yield replace(
        SR,
        id="dn.pasd",
        summary="PASD for noise: Stable Diffusion led by a control branch that its decoder sees pixel by pixel",
        load="iqabench_enhancer_pasd.model:load_dn",
        task="dn",
        scale=1,
        params=PARAMS,
    )
