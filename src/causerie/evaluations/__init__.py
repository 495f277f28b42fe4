"""Test sets from an app's own code and from its tests: `Evaluations`, and a plugin for pytest.

# conftest.py
pytest_plugins = ["causerie.evaluations"]

# test_support.py
def test_support(evaluations):
    evaluations.judge("support", {"refund": [...]}, answer, [...]).expect(0.95)
"""

from causerie.evaluations.reports import Answer, Report
from causerie.evaluations.sets import Evaluations

__all__ = ["Answer", "Evaluations", "Report"]

pytest_plugins = ["causerie.evaluations.plugin"]
"""By name: an app that is not being tested need neither have pytest nor load it."""
