"""What `import myvgg` offers, and what it costs."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

import converters
import myvgg
import myvgg.microscope
import myvgg.nst


def public() -> Iterator[tuple[str, object]]:
    """List the public classes and functions, and the public methods of the classes."""
    for module in (myvgg, myvgg.nst, myvgg.microscope, converters):
        for name in getattr(module, "__all__", ["load", "save"]):
            value = getattr(module, name)
            if callable(value):
                yield f"{module.__name__}.{name}", value
            if inspect.isclass(value):
                for method, function in inspect.getmembers(value, inspect.isroutine):
                    if method in vars(value) and (method == "__init__" or not method.startswith("_")):
                        yield f"{name}.{method}", function


PUBLIC = dict(public())


def test_there_is_a_public_interface() -> None:
    """The names that users know are among those that the next tests look at."""
    assert {"myvgg.VGG19", "VGG.load", "VGG.features", "myvgg.nst.stylize", "myvgg.converters.load"} <= set(PUBLIC)


@pytest.mark.parametrize("name", [name for name in PUBLIC if not name.endswith("__init__")])
def test_public_names_are_documented(name: str) -> None:
    """Every public name has a docstring of its own, not one that a decorator made of its fields."""
    documentation = inspect.getdoc(PUBLIC[name]) or ""
    assert documentation[:1].isupper()
    assert not documentation.startswith(f"{name.rpartition('.')[2]}(")


@pytest.mark.parametrize(
    "name", [name for name, value in PUBLIC.items() if inspect.isfunction(value) or inspect.ismethod(value)]
)
def test_options_are_keyword_only(name: str) -> None:
    """What has a default is named by the caller, except the argument that everybody gives, and fields of records."""
    parameters = inspect.signature(PUBLIC[name]).parameters.values()  # type: ignore[arg-type]
    options = [p.name for p in parameters if p.default is not p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    assert name in ("Params.__init__", "State.__init__") or options in ([], ["params"], ["settings"], ["source"])


@pytest.mark.parametrize("module", [myvgg, myvgg.nst, myvgg.microscope], ids=lambda module: module.__name__)
def test_completion_offers_what_is_there(module: ModuleType) -> None:
    """`dir` lists the public names before they are imported, all of them can be had, and no others."""
    assert set(module.__all__) <= set(dir(module))
    assert all(getattr(module, name) is not None for name in module.__all__)
    with pytest.raises(AttributeError, match=f"module '{module.__name__}' has no attribute 'nothing'"):
        module.nothing  # noqa: B018


@pytest.mark.parametrize(
    ("statement", "heavy"),
    [
        ("import myvgg", {"tensorflow", "numpy", "scipy", "h5py"}),
        ("import myvgg; myvgg.nst; myvgg.nst.Settings(); myvgg.layer_names()", {"tensorflow", "numpy", "PIL"}),
        ("import converters", {"tensorflow", "numpy", "scipy", "h5py"}),
        ("import myvgg; myvgg.Params", {"tensorflow", "scipy", "h5py"}),
        ("import myvgg.microscope; dir(myvgg.microscope)", {"tensorflow", "numpy", "scipy", "matplotlib"}),
        ("import myvgg.store", {"tensorflow", "scipy", "h5py", "requests"}),
    ],
)
def test_nothing_heavy_is_imported_early(statement: str, heavy: set[str]) -> None:
    """TensorFlow and the parsers are loaded when they are needed and not before."""
    code = f"import sys; {statement}; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert heavy.isdisjoint(modules)
