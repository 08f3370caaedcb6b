"""The closing line that tests/run.py reads."""
import pathlib
import sys

import einc
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))  # einsum_suite


def pytest_unconfigure(config):
    stats = config.pluginmanager.get_plugin("terminalreporter").stats
    passed, failed, broken, skipped = (len(stats.get(kind, [])) for kind in ("passed", "failed", "error", "skipped"))
    print(f"\n{passed} passed, {failed + broken} failed, {skipped} skipped")


@pytest.fixture(scope="session")
def instant():
    """A context whose engine compiles at once: there are thousands of kernels to make."""
    return einc.Context(engine="tcc" if "tcc" in einc.engines() else "ref")
