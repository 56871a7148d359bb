from typing import ClassVar

from iqabench.testing import DegraderContract


class TestExposure(DegraderContract):
    id = "dark.exposure"
    digest = "49d8a1cd2a975884"
    waivers: ClassVar = {"seed": "only read_noise is random, and it is off by default"}


class TestReadNoise(DegraderContract):
    id = "dark.exposure"
    params: ClassVar = {"read_noise": 2.0}
    digest = "e66f7fcffbad981e"
