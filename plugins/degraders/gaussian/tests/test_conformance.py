from iqabench.testing import DegraderContract


class TestGaussian(DegraderContract):
    id = "noise.gaussian"
    digest = "8cd2a64157f796f5"
