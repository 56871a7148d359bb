"""DiffBIR v2 and v2.1, for super-resolution and for denoising."""

from collections.abc import Iterable
from dataclasses import replace

from iqabench import EnhancerSpec, Param, WeightsFile, hookimpl
from iqabench.diffusion.declaring import OFFLOAD, RAIL, SCALE, TILE, config_of, sd21_base, vae_tile

RELEASE = "https://github.com/cszn/KAIR/releases/download/v1.0"
OFFICIAL = "hf://lxq007/DiffBIR-v2"

CONFIG = config_of("diffbir")
SWINIR = WeightsFile(
    name="realesrgan_s4_swinir_100k.pth",
    sources=(f"{OFFICIAL}/realesrgan_s4_swinir_100k.pth",),
    licence="Apache-2.0",
    when={"version": "v2.1"},
)
BSRNET = WeightsFile(name="BSRNet.pth", sources=(f"{RELEASE}/BSRNet.pth",), licence="MIT", when={"version": "v2"})
SCUNET = WeightsFile(
    name="scunet_color_real_psnr.pth",
    sources=(f"{RELEASE}/scunet_color_real_psnr.pth",),
    licence="MIT",
    when={"version": "v2"},
)
SECOND_STAGE = (
    WeightsFile(
        name="v2-1_512-ema-pruned.ckpt",
        sources=sd21_base("v2-1_512-ema-pruned.ckpt"),
        licence=RAIL,
        when={"version": "v2"},
    ),
    WeightsFile(
        name="v2.pth",
        sources=(f"{OFFICIAL}/v2.pth",),
        licence="Apache-2.0",
        sha256="c023992d042a4e966a335b084fae7a4e38b3ac3d0df819398c839ff371ebaba5",
        when={"version": "v2"},
    ),
    WeightsFile(
        name="sd2.1-base-zsnr-laionaes5.ckpt",
        sources=(f"{OFFICIAL}/sd2.1-base-zsnr-laionaes5.ckpt",),
        licence=RAIL,
        when={"version": "v2.1"},
    ),
    WeightsFile(
        name="DiffBIR_v2.1.pt",
        sources=(f"{OFFICIAL}/DiffBIR_v2.1.pt",),
        licence="Apache-2.0",
        sha256="49477de737be9028ac2d9352cf45633324a0090afde57a7aa358321dd6a1de53",
        when={"version": "v2.1"},
    ),
)
PARAMS = (
    Param(
        name="version",
        default="v2.1",
        choices=("v2.1", "v2"),
        help="v2.1, what the authors' program runs unless told otherwise; v2, that of the ECCV paper",
    ),
    Param(name="steps", default=0, low=0, high=1000, help="how often the network is asked; 0: 10 in v2.1, 50 in v2"),
    Param(
        name="guidance",
        default=0.0,
        low=0,
        help="how far from the negative prompt; 0: 8 in v2.1 and 4 in v2, as in the README",
    ),
    Param(
        name="caption",
        default="",
        help="what the images show, put before the prompt; the authors have LLaVA describe each image for v2.1",
    ),
    Param(name="prompt", default="official", help="what the result shall be; official: the version's own"),
    Param(name="negative_prompt", default="official", help="what it shall not be; official: the version's own"),
    Param(name="strength", default=1.0, low=0, help="how strongly the first stage's image leads the second stage"),
    TILE,
    vae_tile(0),
    Param(name="cleaner_tile", default=0, low=0, help="pixels of the tiles of the first stage; 0 runs the whole"),
    OFFLOAD,
)
SR = EnhancerSpec(
    id="sr.diffbir",
    summary="DiffBIR ×4: Stable Diffusion restores what a first network has cleaned",
    load="iqabench_enhancer_diffbir.model:load_sr",
    licence="Apache-2.0",
    paper="arXiv:2308.15070",
    code="https://github.com/XPixelGroup/DiffBIR",
    task="sr",
    scale=4,
    params=(SCALE, *PARAMS),
    weights=(CONFIG, SWINIR, BSRNET, *SECOND_STAGE),
    training_data=("LAION-5B", "ImageNet", "DIV2K", "Flickr2K", "WED", "BSD", "FFHQ"),
    dtypes=("float32", "float16", "bfloat16"),
    cuda_dtype="float16",
    batchable=False,
    seeded=True,
    memory_mb=11000,
)


@hookimpl
def iqabench_enhancers() -> Iterable[EnhancerSpec]:
    yield SR
    yield replace(
        SR,
        id="dn.diffbir",
        summary="DiffBIR for noise: Stable Diffusion restores what a first network has cleaned",
        load="iqabench_enhancer_diffbir.model:load_dn",
        task="dn",
        scale=1,
        params=PARAMS,
        weights=(CONFIG, SWINIR, SCUNET, *SECOND_STAGE),
    )
