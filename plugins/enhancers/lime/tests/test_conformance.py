from iqabench.testing import EnhancerContract


class TestLime(EnhancerContract):
    id = "lle.lime"
