from iqabench.testing import ScorerContract


class TestSsim(ScorerContract):
    id = "fr.ssim"
    parity = "parity.npz"


class TestSsimOfRgb(ScorerContract):
    id = "fr.ssim"
    params = {"channels": "rgb", "downsample": True}
