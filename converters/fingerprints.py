"""Recognition of the ImageNet weights that the authors published, by a few of their values.

The files of Caffe, MatConvNet and Keras hold the same numbers; those of torchvision hold others.
"""

from __future__ import annotations

import numpy as np

from myvgg.architecture import CONFIGURATION_E
from myvgg.params import CAFFE, TORCHVISION, Params, Preprocessing

KERNELS = {
    "conv1_2": 0.14868847,
    "conv2_1": -0.00240122,
    "conv2_2": -0.00059147,
    "conv3_1": -0.00428896,
    "conv3_2": -0.00118033,
    "conv3_3": -0.00019824,
    "conv3_4": -0.01455188,
}
"""kernel[0, 0, 0, 0] of some layers, rounded to eight decimals."""

BIASES = {
    "conv1_1": 0.7301776,
    "conv4_1": 0.02342767,
    "conv4_2": 0.00436518,
    "conv4_3": 0.00169088,
    "conv4_4": 0.04184591,
    "conv5_1": -0.05643649,
    "conv5_2": 0.05146062,
    "conv5_3": -0.0102901,
    "conv5_4": 0.72227454,
}
"""bias[0] of the other layers."""

CONV1_1 = (0.34119523, 0.46418372, 0.39416704)
"""kernel[0, 0, :, 0] of conv1_1 for B, G, R."""

CONV1_1_VGG16 = (0.42947057, 0.55037946, 0.4800154)
"""The same of VGG16."""

NEAR = 0.02
"""Largest distance of these values in weights that were rounded to 16 bits or trained on."""

FEATURES = Preprocessing("rgb", (122.99925, 116.9991, 103.9992))
"""Preprocessing of torchvision's `IMAGENET1K_FEATURES`, the authors' weights with conv1_1 for R, G, B."""

PREPROCESSINGS = {"caffe": CAFFE, "torchvision": TORCHVISION, "features": FEATURES}
"""Preparations of pictures by their names on the command line."""

TOLERANCE = 5e-8
"""Half a unit of the seventh decimal, since some values are known to seven decimals only."""

ROUNDING = 0.05
"""Largest error of a kernel value that was rounded to 8 bits, over the kernel's standard deviation."""


def preprocessing_of(kernel: np.ndarray) -> Preprocessing:
    """Tell by conv1_1 which pictures the weights of a file with torchvision's names expect.

    Args:
        kernel: Kernel of conv1_1, of any shape.
    """
    if kernel.ndim == 4 and kernel.shape[2] == len(CONV1_1) and kernel.size:
        first = kernel[0, 0, :, 0]
        for known in (CONV1_1, CONV1_1_VGG16):
            if np.allclose(first, known, rtol=0, atol=NEAR):
                return CAFFE
            if np.allclose(first[::-1], known, rtol=0, atol=NEAR):
                return FEATURES
    return TORCHVISION


def describe_values(params: Params) -> str:
    """Return a sentence that tells whether parameters are the published ones.

    Args:
        params: The parameters.
    """
    if params.architecture.name != CONFIGURATION_E.name:
        return f"not compared: no published values of {params.architecture.name} are known here"
    layers = params.layers
    first = layers["conv1_1"].kernel[0, 0, :, 0]
    kernels = {name: layers[name].kernel[0, 0, :1, 0] - value for name, value in KERNELS.items() if name in layers}
    kernels["conv1_1"] = first - CONV1_1
    biases = [abs(float(layers[name].bias[0]) - value) for name, value in BIASES.items() if name in layers]
    differences = [*biases, *(abs(float(each)) for found in kernels.values() for each in found)]
    agree = sum(each <= TOLERANCE for each in differences)
    if agree == len(differences):
        return f"the ImageNet weights of the VGG group, all {agree} known values agree"
    deviations = {name: float(layers[name].kernel.std()) or 1.0 for name in kernels}
    rounding = max(float(np.abs(found).max()) / deviations[name] for name, found in kernels.items())
    if max(biases) <= TOLERANCE and rounding <= ROUNDING:
        return (
            f"the ImageNet weights of the VGG group with rounded kernels: all {len(biases)} known biases agree, kernel "
            f"values to {rounding:.1%} of a kernel's standard deviation"
        )
    if np.allclose(first[::-1], CONV1_1, rtol=0, atol=TOLERANCE):
        return "the ImageNet weights of the VGG group, but conv1_1 takes R, G, B: reverse the third axis of its kernel"
    return f"not the ImageNet weights of the VGG group, {agree} of {len(differences)} known values agree"
