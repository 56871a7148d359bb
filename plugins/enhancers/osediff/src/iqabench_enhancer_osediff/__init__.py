"""OSEDiff: super-resolution in one step of diffusion."""

from collections.abc import Iterable

from iqabench import EnhancerSpec, ImageNeeds, Param, WeightsFile, hookimpl
from iqabench.diffusion.declaring import OFFLOAD, RAIL, SCALE, config_of, process_size, sd21_base, vae_tile

RELEASE = "https://github.com/cswry/OSEDiff/raw/main"


def _base(name: str, path: str, tags: str | None = None) -> WeightsFile:
    return WeightsFile(name=name, sources=sd21_base(path), licence=RAIL, when={"tags": tags} if tags else None)


def _of_the_tagger(name: str, *sources: str, sha256: str | None = None, size: int | None = None) -> WeightsFile:
    return WeightsFile(name=name, sources=sources, licence="Apache-2.0", sha256=sha256, size=size, when={"tags": "ram"})


@hookimpl
def iqabench_enhancers() -> Iterable[EnhancerSpec]:
    yield EnhancerSpec(
        id="sr.osediff",
        summary="OSEDiff ×4: one step of Stable Diffusion, led by tags of what the photo shows",
        load="iqabench_enhancer_osediff.model:load",
        licence="Apache-2.0",
        paper="arXiv:2406.08177",
        code="https://github.com/cswry/OSEDiff",
        task="sr",
        scale=4,
        needs=ImageNeeds(min_side=8),
        params=(
            SCALE,
            process_size(512, low=8),
            Param(
                name="colour",
                default="adain",
                choices=("adain", "wavelet", "none"),
                help="how the result is given the input's colours",
            ),
            Param(
                name="tags",
                default="ram",
                help="ram has each photo tagged by the network of the authors; else what every photo shows, as "
                "'cat, grass', with no tagger to load",
            ),
            Param(name="prompt", default="", help="words put after the tags"),
            Param(name="tile", default=768, low=0, help="pixels of the tiles of the diffusion step; 0 runs the whole"),
            Param(name="overlap", default=256, low=0, help="pixels that neighbouring tiles of the step share"),
            vae_tile(1024),
            OFFLOAD,
        ),
        weights=(
            config_of("osediff"),
            _base("unet.safetensors", "unet/diffusion_pytorch_model.safetensors"),
            _base("vae.safetensors", "vae/diffusion_pytorch_model.safetensors"),
            _base("text_encoder.safetensors", "text_encoder/model.safetensors"),
            WeightsFile(name="osediff.pkl", sources=(f"{RELEASE}/preset/models/osediff.pkl",), licence="Apache-2.0"),
            _of_the_tagger(
                "ram_swin_large_14m.pth",
                "hf://xinyu1205/recognize_anything_model/ram_swin_large_14m.pth",
                "https://huggingface.co/spaces/xinyu1205/recognize-anything/resolve/main/ram_swin_large_14m.pth",
                sha256="15c729c793af28b9d107c69f85836a1356d76ea830d4714699fb62e55fcc08ed",
                size=5625634877,
            ),
            _of_the_tagger(
                "DAPE.pth", "https://drive.google.com/uc?export=download&id=1KIV6VewwO2eDC9g4Gcvgm-a0LDI7Lmwm"
            ),
            _of_the_tagger("ram_tag_list.txt", f"{RELEASE}/ram/data/ram_tag_list.txt"),
            _of_the_tagger("ram_tag_list_threshold.txt", f"{RELEASE}/ram/data/ram_tag_list_threshold.txt"),
            _base("vocab.json", "tokenizer/vocab.json", "ram"),
            _base("merges.txt", "tokenizer/merges.txt", "ram"),
        ),
        training_data=("LAION-5B", "LSDIR", "FFHQ"),
        dtypes=("float32", "float16", "bfloat16"),
        cuda_dtype="float16",
        batchable=False,
        seeded=True,
        memory_mb=12000,
    )
