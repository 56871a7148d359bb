from iqabench.testing import ScorerContract


class TestGmsd(ScorerContract):
    id = "fr.gmsd"
    parity = "parity.npz"
