"""The normalisation that CLIP's image towers expect (Radford et al., arXiv:2103.00020)."""

MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)
