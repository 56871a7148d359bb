from iqabench.testing import ScorerContract


class TestBrisque(ScorerContract):
    id = "nr.brisque"
    parity = "parity.npz"
