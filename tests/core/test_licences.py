"""Only what anyone may use for any purpose counts as permissive."""

import pytest

from iqabench.licences import is_permissive


@pytest.mark.parametrize("licence", ["MIT", "Apache-2.0 AND MIT", "LicenseRef-LIVE (any use, with the notice)"])
def test_permissive(licence):
    assert is_permissive(licence)


@pytest.mark.parametrize("licence", ["PolyForm-Noncommercial-1.0.0", "MIT AND CC-BY-NC-4.0", "", "LicenseRef-other"])
def test_not_permissive(licence):
    assert not is_permissive(licence)
