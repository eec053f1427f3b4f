"""In CI a skipped test is a failed one: what CI does not install is found out, not passed over.

`.ci/run` brings all that tests need, so a skip there says that something has broken on the way.
"""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

# How reasons begin that CI can do nothing about.
ALLOWED = ("no Python 3.",)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that skips itself, or is marked so."""
    report = yield
    if not hasattr(report, "wasxfail"):  # what fails as expected reports itself as skipped too
        _fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A module that skips all its tests."""
    report = yield
    _fail_if_skipped(report)
    return report


def _fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    if not (os.environ.get("CI") and report.skipped):
        return
    assert isinstance(report.longrepr, tuple)  # of file, line and reason
    reason = report.longrepr[2].removeprefix("Skipped: ")
    if not reason.startswith(ALLOWED):
        report.outcome = "failed"
        report.longrepr = f"skipped, but CI must run it: {reason}"
