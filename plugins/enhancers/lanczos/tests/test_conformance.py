from iqabench.testing import EnhancerContract


class TestLanczos(EnhancerContract):
    id = "sr.lanczos"
