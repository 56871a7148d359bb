from iqabench.testing import ScorerContract


class TestVif(ScorerContract):
    id = "fr.vif"
    parity = "parity.npz"


class TestVifp(ScorerContract):
    id = "fr.vifp"


class TestVifpOfRgb(ScorerContract):
    id = "fr.vifp"
    params = {"channels": "rgb"}
