"""What the documentation shows runs, and is what is in the tree."""
import pathlib
import re

import einc

ROOT = pathlib.Path(__file__).parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)


def test_the_page_runs():
    blocks = BLOCK.findall((ROOT / "docs/python.md").read_text())
    assert len(blocks) == 4
    names = {}
    for block in blocks:
        exec(compile(block, "docs/python.md", "exec"), names)
    assert names["code"] == "E0406"


def test_the_readme_shows_the_example():
    (shown,) = BLOCK.findall((ROOT / "README.md").read_text())
    assert shown == (ROOT / "examples/python/power_method.py").read_text()


def test_versions_agree():
    assert f'version = "{einc.__version__}"' in (ROOT / "python/pyproject.toml").read_text()
