"""DeQA-Score: You et al., "Teaching Large Language Models to Regress Accurate Image Quality Scores using Score
Distribution", CVPR 2025. It reads as Q-Align does: the expected grade of five words, 5 to 1 (eq. 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iqabench.lmm.mplug_owl2.model import RATE, level_scorer, load_owl

if TYPE_CHECKING:
    from iqabench import LoadContext, Scorer


def load(context: LoadContext) -> Scorer:
    return level_scorer(load_owl(context), RATE.format(task="quality"))
