"""What scorers on mPLUG-Owl2 declare alike. Imports no torch, as declarations must not."""

from __future__ import annotations

from iqabench.lmm.declaring import BITS

BASE = "MAGAer13/mplug-owl2-llama2-7b"
BASE_LICENCE = "Llama 2 Community License (Apache-2.0 code)"
BASE_SHARDS = tuple(f"pytorch_model-{number}-of-33.bin" for number in range(1, 34))
TUNED_SHARDS = tuple(f"pytorch_model-{number:05}-of-00004.bin" for number in range(1, 5))
"""As transformers 4.36 cuts 16.4 GB, which the authors trained with; no list of their files was at hand."""
INDEX = "pytorch_model.bin.index.json"
PARAMS = (BITS,)
MEMORY_MB = 35000
"""Of 8.2 billion weights in float32; half of it in the 16 bits that are usual on a GPU."""
