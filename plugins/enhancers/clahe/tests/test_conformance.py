from iqabench.testing import EnhancerContract


class TestClahe(EnhancerContract):
    id = "lle.clahe"
