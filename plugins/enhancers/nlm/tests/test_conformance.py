from iqabench.testing import EnhancerContract


class TestNlm(EnhancerContract):
    id = "dn.nlm"
