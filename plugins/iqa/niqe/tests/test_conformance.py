from iqabench.testing import ScorerContract


class TestNiqe(ScorerContract):
    id = "nr.niqe"
    parity = "parity.npz"
