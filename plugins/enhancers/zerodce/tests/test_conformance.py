from iqabench.testing import EnhancerContract


class TestZerodce(EnhancerContract):
    id = "lle.zerodce"
