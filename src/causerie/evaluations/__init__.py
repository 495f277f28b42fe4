"""Test sets from an app's own code and from its tests: `Evaluations`, and a plugin for pytest.

# conftest.py
pytest_plugins = ["causerie.evaluations"]

# test_support.py
def test_support(evaluations):
    evaluations.judge("support", {"refund": [...]}, answer, [...]).expect(0.95)
"""

from importlib.util import find_spec

from causerie.evaluations.reports import Answer, Report
from causerie.evaluations.sets import Evaluations

__all__ = ["Answer", "Evaluations", "Report"]

# An app that is not being tested need not have pytest.
if find_spec("pytest") is not None:
    from causerie.evaluations.plugin import evaluations, pytest_addoption

    __all__ += ["evaluations", "pytest_addoption"]
