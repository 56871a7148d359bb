"""Visual information fidelity, of wavelet subbands and in the pixel domain: two models, two scales of numbers."""

from collections.abc import Iterable

from iqabench import ImageNeeds, Param, ScorerSpec, hookimpl


@hookimpl
def iqabench_scorers() -> Iterable[ScorerSpec]:
    yield ScorerSpec(
        id="fr.vif",
        summary="Visual information fidelity (VIF) of steerable-pyramid subbands, the paper's form",
        load="iqabench_iqa_vif.model:load",
        licence="Apache-2.0 AND MIT",  # MIT: the pyramid's filter taps, of matlabPyrTools and pyrtools
        paper="doi:10.1109/TIP.2005.859378",
        code="https://live.ece.utexas.edu/research/Quality/VIF.htm",
        reference=True,
        score_range=(0, None),
        needs=ImageNeeds(min_side=65),
    )
    yield ScorerSpec(
        id="fr.vifp",
        summary="Visual information fidelity in the pixel domain (VIFp), the authors' quick form; not fr.vif's numbers",
        load="iqabench_iqa_vif.pixel:load",
        licence="Apache-2.0",
        paper="doi:10.1109/TIP.2005.859378",
        code="https://live.ece.utexas.edu/research/Quality/VIF.htm",
        reference=True,
        score_range=(0, None),
        needs=ImageNeeds(min_side=41),
        params=(
            Param(
                name="channels",
                default="y",
                choices=("y", "rgb"),
                help="y (luma, as piq) or rgb (mean over the channels, as torchmetrics and sewar)",
            ),
        ),
    )
