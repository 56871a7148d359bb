from iqabench.testing import ScorerContract


class TestMsSsim(ScorerContract):
    id = "fr.ms-ssim"
    parity = "parity.npz"


class TestMsSsimOfRgb(ScorerContract):
    id = "fr.ms-ssim"
    params = {"channels": "rgb", "combine": "sum"}
