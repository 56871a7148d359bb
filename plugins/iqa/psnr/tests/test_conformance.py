from iqabench.testing import ScorerContract


class TestPsnr(ScorerContract):
    id = "fr.psnr"
    parity = "parity.npz"
