"""Q-Align: Wu et al., "Q-Align: Teaching LMMs for Visual Scoring via Discrete Text-Defined Levels", ICML 2024.

The model is asked to go on from "The quality of the image is"; the probabilities of the five words excellent, good,
fair, poor and bad at that place weigh 5 to 1 (section 3.3). It was trained with another question, and with the image
before it; this is the one its authors score with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from iqabench.lmm.mplug_owl2.model import RATE, level_scorer, load_owl

if TYPE_CHECKING:
    from iqabench import LoadContext, Scorer


def load(context: LoadContext) -> Scorer:
    return level_scorer(load_owl(context), RATE.format(task=context.params["task"]))
