"""What `import myvgg` offers, and what it costs."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import myvgg
import myvgg.nst


@pytest.mark.parametrize("module", [myvgg, myvgg.nst], ids=lambda module: module.__name__)
def test_public_names_are_there_and_documented(module: object) -> None:
    """Every public name can be had and has a docstring."""
    for name in module.__all__:  # type: ignore[attr-defined]
        value = getattr(module, name)
        assert name == name.upper() or inspect.getdoc(value), name
    with pytest.raises(AttributeError, match="nothing"):
        module.nothing  # type: ignore[attr-defined]  # noqa: B018


def test_dir_lists_the_public_names() -> None:
    """Completion offers the public names before they are imported."""
    assert set(dir(myvgg)) == set(myvgg.__all__)


@pytest.mark.parametrize("function", [myvgg.features, myvgg.logits, myvgg.VGG19.__init__, myvgg.nst.stylize])
def test_options_are_keyword_only(function: object) -> None:
    """What has a default is named by the caller, except the first arguments that everybody gives."""
    parameters = inspect.signature(function).parameters.values()  # type: ignore[arg-type]
    by_position = [p.name for p in parameters if p.default is not p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    assert by_position in ([], ["params"], ["settings"])


@pytest.mark.parametrize(
    ("statement", "heavy"),
    [
        ("import myvgg", {"tensorflow", "numpy", "scipy", "h5py"}),
        ("import myvgg; myvgg.nst; myvgg.nst.Settings(); myvgg.layer_names()", {"tensorflow", "numpy"}),
        ("import converters", {"tensorflow", "numpy", "scipy", "h5py"}),
        ("import myvgg; myvgg.Params", {"tensorflow", "scipy", "h5py"}),
        ("import myvgg.store", {"tensorflow", "scipy", "h5py", "requests"}),
    ],
)
def test_nothing_heavy_is_imported_early(statement: str, heavy: set[str]) -> None:
    """TensorFlow and the parsers are loaded when they are needed and not before."""
    code = f"import sys; {statement}; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert heavy.isdisjoint(modules)
