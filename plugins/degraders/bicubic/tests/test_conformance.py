from iqabench.testing import DegraderContract


class TestBicubic(DegraderContract):
    id = "lr.bicubic"
    digest = "f7ac75dcb9f22974"
