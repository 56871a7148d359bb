from iqabench.testing import EnhancerContract


class TestGamma(EnhancerContract):
    id = "lle.gamma"
