"""mPLUG-Owl2 (Ye et al., CVPR 2024, arXiv:2311.04257), on which Q-Align, DeQA-Score and MA-AGIQA rest.

Written anew on the LLaMA and CLIP parts of transformers; the official code is of X-PLUG/mPLUG-Owl. Attributes are
named as in the official checkpoints. An image becomes 64 tokens and an end mark, and these go through LLaMA-2
together with the words; keys, values and norms have one set of weights for words and one for the image.
"""
