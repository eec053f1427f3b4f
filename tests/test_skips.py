"""Where CI is set, a skipped test fails, unless for a reason that CI can do nothing about."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import conftest, skips

ROOT = Path(__file__).parent.parent
TESTS = """
import pytest

@pytest.mark.skipif(True, reason="the engine is not installed")
def test_by_a_mark(): ...

def test_in_the_middle():
    pytest.skip("no font here")

def test_without_a_module():
    pytest.importorskip("no_such_module")

def test_without_the_right_python():
    pytest.skip("no Python 3.99 on this machine")

@pytest.mark.xfail
def test_expected_to_fail():
    assert False
"""


@pytest.mark.parametrize(
    ("ci", "counts"),
    [("true", "2 failed, 1 skipped, 1 xfailed, 2 errors"), ("", "5 skipped, 1 xfailed")],
    ids=["CI", "elsewhere"],
)
def test_ci_passes_over_no_test(tmp_path: Path, ci: str, counts: str) -> None:
    (tmp_path / "test_skipping.py").write_text(TESTS)
    (tmp_path / "test_module.py").write_text("import pytest\npytest.importorskip('no_such_module')\n")
    command = [sys.executable, "-m", "pytest", "-p", "tests.skips", "-p", "no:cacheprovider", "--rootdir", tmp_path]
    command.append("--continue-on-collection-errors")
    environment = {**os.environ, "CI": ci, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert counts in done.stdout
    if ci:
        assert "skipped, but CI must run it: the engine is not installed" in done.stdout


def test_all_tests_are_watched() -> None:
    for hook in ("pytest_runtest_makereport", "pytest_make_collect_report"):
        assert getattr(conftest, hook) is getattr(skips, hook)
