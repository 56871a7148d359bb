from iqabench.testing import ScorerContract


class TestPiqe(ScorerContract):
    id = "nr.piqe"
    parity = "parity.npz"
