from typing import ClassVar

from iqabench.testing import EnhancerContract


class TestBm3d(EnhancerContract):
    id = "dn.bm3d"
    params: ClassVar = {"profile": "lc"}  # the other profiles do the same, more slowly
