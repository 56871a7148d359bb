from iqabench.testing import EnhancerContract


class TestBicubic(EnhancerContract):
    id = "sr.bicubic"
