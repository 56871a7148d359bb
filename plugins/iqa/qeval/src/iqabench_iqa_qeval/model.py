"""Q-Eval-Score for image quality: Zhang et al., "Q-Eval-100K: Evaluating Visual Quality and Alignment Level for
Text-to-Vision Content", CVPR 2025 (arXiv:2503.02357); https://github.com/zzc-1998/Q-Eval.

The probabilities of the five levels after the question weigh 1, 0.75, 0.5, 0.25 and 0. The authors' code has images
resized twice, by ``qwen_vl_utils`` and by the checkpoint's processor; with the same bounds, as they have, the second
time changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from iqabench.lmm import qwen2vl
from iqabench.lmm.levels import CAPITAL_LEVELS, UNIT_GRADES, level_tokens
from iqabench.lmm.scorers import LevelScorer

if TYPE_CHECKING:
    from iqabench import LoadContext

_QUESTION = (
    # These characters are plain text: the image stands before them.
    "<image>Suppose you are an expert in evaluating the visual quality of AI-generated image. First identify any "
    "visual distortions and positive visual appeal regarding low-level features and aesthetics. Next, assess the "
    "severity of distortions and their impact on the viewing experience, noting whether they are subtle or "
    "distracting, and evaluate how the positive features enhance the image's visual appeal, considering their "
    "strength and contribution to the overall aesthetics. Finally, balance the identified distortions against the "
    "positive aspects and give your rating on the visual quality. \n"
    "Your rating should be chosen from the following five categories: Excellent, Good, Fair, Poor, and Bad.\n"
    "{quoted}Now please rate this image:"
)
_QUOTED = 'For this image, the text prompt is "{prompt}". '


def load(context: LoadContext) -> LevelScorer:
    model = qwen2vl.load(context)
    levels = level_tokens(model.tokenizer, CAPITAL_LEVELS)
    asked = model.prompt(question(str(context.params["prompt"])))
    return LevelScorer(model.network, model.vision, asked, levels=levels, grades=UNIT_GRADES).eval()


def question(prompt: str = "") -> str:
    """What is asked of an image generated from ``prompt``; the sentence about it is left out where none is known."""
    return _QUESTION.format(quoted=_QUOTED.format(prompt=prompt) if prompt else "")
