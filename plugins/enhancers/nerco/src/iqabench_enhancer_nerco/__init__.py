"""NeRCo: a neural representation evens out the darkness of a photo before it is lightened."""

from collections.abc import Iterable

from iqabench import EnhancerSpec, ImageNeeds, Param, WeightsFile, hookimpl

STATES = ("latest_net_G_A.pth", "latest_net_Pre.pth", "latest_net_H.pth")
ARCHIVES = {"lol": "1uL4u1iXN2xoVr4Owr5uZgYY3k03nvJZ3", "lsrw": "1DUT2DdD0Ro4w20MAMUH0Z8pA4xaxfEAu"}


@hookimpl
def iqabench_enhancers() -> Iterable[EnhancerSpec]:
    yield EnhancerSpec(
        id="lle.nerco",
        summary="NeRCo: a GAN on photos that a neural representation has made evenly lit",
        load="iqabench_enhancer_nerco.model:load",
        licence="Apache-2.0",
        paper="arXiv:2303.11722",
        code="https://github.com/Ysz2022/NeRCo",
        task="lle",
        params=(
            Param(name="weights", default="lol", choices=("lol", "lsrw"), help="training set"),
            Param(
                name="resize",
                default=True,
                help="sides are resized to multiples of 4, as official, and back; false mirrors them out and crops",
            ),
        ),
        weights=(
            WeightsFile(
                name="config.json",
                sources=("package://iqabench-enhancer-nerco/iqabench_enhancer_nerco/config.json",),
                licence="Apache-2.0",
            ),
            *(
                WeightsFile(
                    name=state,
                    # One archive holds the three states, which the loader finds in it.
                    sources=(f"https://drive.usercontent.google.com/download?id={drive}&export=download&confirm=t",),
                    licence="none stated (all rights reserved)",
                    when={"weights": name},
                )
                for name, drive in ARCHIVES.items()
                for state in STATES
            ),
        ),
        training_data=("LOL",),
        # Under 6 pixels the official rounding leaves a side of 4, of which one pixel in the deepest layers.
        needs=ImageNeeds(min_side=6),
        dtypes=("float32", "bfloat16", "float16"),
        memory_mb=1250,
    )
