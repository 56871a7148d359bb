"""The questions of AU-IQA put to Qwen2-VL, one group of weights each.

As a number, the answer is written greedily and read; as a level, it is not written: the probabilities of the five
words at its place make the score.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from iqabench.lmm import qwen2vl
from iqabench.lmm.levels import CAPITAL_LEVELS, level_tokens
from iqabench.lmm.prompts import GROUPS, ask_level, ask_number
from iqabench.lmm.scorers import LevelScorer, NumberScorer

if TYPE_CHECKING:
    from iqabench import LoadContext


def _number(context: LoadContext, group: str) -> NumberScorer:
    model = qwen2vl.load(context)
    return NumberScorer(
        model.network,
        model.vision,
        model.prompt(ask_number(group)),
        tokenizer=model.tokenizer,
        ends=model.ends,
        most=int(context.params["answer_tokens"]),
    ).eval()


def _levels(context: LoadContext, group: str) -> LevelScorer:
    model = qwen2vl.load(context)
    levels = level_tokens(model.tokenizer, CAPITAL_LEVELS)
    prompt = model.prompt(ask_level(group))
    return LevelScorer(model.network, model.vision, prompt, levels=levels).eval()


load_ugc, load_aigc, load_mixed = (partial(_number, group=group) for group in GROUPS)
load_ugc_levels, load_aigc_levels, load_mixed_levels = (partial(_levels, group=group) for group in GROUPS)
