"""The package offers its names without loading what they need before it is needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

import myvgg.nst


@pytest.mark.parametrize("name", myvgg.nst.__all__)
def test_public_names_are_there(name: str) -> None:
    """Every public name can be had, and has a docstring."""
    assert getattr(myvgg.nst, name).__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A wrong name is refused as modules do."""
    with pytest.raises(AttributeError, match="has no attribute 'stylise'"):
        _ = myvgg.nst.stylise


def test_settings_need_no_tensorflow() -> None:
    """Importing the package and its settings loads neither TensorFlow nor NumPy."""
    code = "import sys, myvgg.nst; print(sorted({'tensorflow', 'numpy', 'PIL'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"
