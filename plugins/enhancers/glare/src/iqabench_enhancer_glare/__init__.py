"""GLARE: codes of normal-light images, found by a normalising flow, guide the decoding of a dark one."""

from collections.abc import Iterable

from iqabench import EnhancerSpec, Param, WeightsFile, hookimpl

FOLDERS = {"lol-v2-real": "1Cesn3jJAdxjT7DDZCTMU8Vt2CnauBL7F", "lol": "1DuATvqpNgRGlPq5_LvvzghkFdFL9sYvq"}


@hookimpl
def iqabench_enhancers() -> Iterable[EnhancerSpec]:
    yield EnhancerSpec(
        id="lle.glare",
        summary="GLARE: latent features of normal light, from a normalising flow and a codebook",
        load="iqabench_enhancer_glare.model:load",
        licence="Apache-2.0",
        paper="arXiv:2407.12431",
        code="https://github.com/LowLevelAI/GLARE",
        task="lle",
        params=(
            Param(
                name="weights",
                default="lol-v2-real",
                choices=("lol-v2-real", "lol"),
                help="training set; the authors advise lol-v2-real for photos of one's own",
            ),
        ),
        weights=(
            WeightsFile(
                name="config.json",
                sources=("package://iqabench-enhancer-glare/iqabench_enhancer_glare/config.json",),
                licence="Apache-2.0",
            ),
            *(
                WeightsFile(
                    name=name,
                    # The folder's page: its files have no published addresses, and are to be fetched by hand.
                    sources=(f"https://drive.google.com/drive/folders/{folder}?file={name}",),
                    licence="Apache-2.0",
                    when={"weights": weights},
                )
                for weights, folder in FOLDERS.items()
                for name in ("net_G.pth", "vqgan.pkl")
            ),
        ),
        training_data=("LOL-v2-real",),
        dtypes=("float32", "bfloat16", "float16"),
        memory_mb=4000,
    )
