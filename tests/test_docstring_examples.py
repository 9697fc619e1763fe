"""Every example in a docstring does what it says."""

import doctest
import importlib
import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).parent.parent
_PACKAGES = ("kernels", "device_models", "crossbar", "imc_grapes")


def _modules_with_examples() -> list[str]:
    return [
        ".".join(path.relative_to(_ROOT).with_suffix("").parts)
        for package in _PACKAGES
        for path in sorted((_ROOT / package).rglob("*.py"))
        if re.search(r"^ *>>> ", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]


@pytest.mark.parametrize("name", _modules_with_examples())
def test_examples(name: str) -> None:
    module = importlib.import_module(name)
    failed, tried = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert tried > 0
    assert failed == 0
