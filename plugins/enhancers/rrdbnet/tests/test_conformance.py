from typing import ClassVar

from iqabench.testing import EnhancerContract


class TestRealesrgan(EnhancerContract):
    id = "sr.realesrgan"


class TestRealesrganAnime(EnhancerContract):
    id = "sr.realesrgan"
    params: ClassVar = {"model": "x4plus-anime"}


class TestRealsr(EnhancerContract):
    id = "sr.realsr"
