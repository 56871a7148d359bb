from iqabench.testing import ScorerContract


class TestFsim(ScorerContract):
    id = "fr.fsim"
    parity = "parity.npz"
