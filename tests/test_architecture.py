"""The tables follow the paper."""

from __future__ import annotations

import keras
import pytest

import myvgg
from myvgg.architecture import CONFIGURATION_E, Architecture

E = CONFIGURATION_E


def test_layers_are_table_1_configuration_e() -> None:
    """Widths and pools stand as in the last column of Table 1."""
    expected = [64, 64, "M", 128, 128, "M", *[256] * 4, "M", *[512] * 4, "M", *[512] * 4, "M", 4096, 4096, 1000]
    actual = [getattr(layer, "outputs", "M") for layer in E.layers]
    assert actual == expected


def test_parameter_counts() -> None:
    """143,667,240 parameters in all, 20,024,384 of them in the convolutions."""
    assert (E.parameter_count(), E.parameter_count(include_top=False)) == (143_667_240, 20_024_384)


def test_shapes_equal_keras() -> None:
    """Keras has kernels and biases of the same shapes, layer by layer."""
    model = keras.applications.VGG19(weights=None)
    expected = {layer.name: [w.shape for w in layer.weights] for layer in model.layers if layer.weights}
    actual = {E.keras_names[name]: [layer.kernel_shape, (layer.outputs,)] for name, layer in E.parametric.items()}
    assert actual == expected


def test_multiply_adds() -> None:
    """19.6 billion multiply-adds at 224 x 224, and convolutions grow with the number of positions."""
    assert E.multiply_adds(224, 224) == 19_632_062_464
    maps = E.multiply_adds(224, 224, include_top=False)
    assert E.multiply_adds(448, 224, include_top=False) == 2 * maps
    assert E.multiply_adds(224, 224) - maps == 25088 * 4096 + 4096 * 4096 + 4096 * 1000


def test_layer_names() -> None:
    """Names run from conv1_1 to prob, or to pool5 without the classifier."""
    names = myvgg.layer_names()
    assert (names[:5], names[-7:]) == (
        ("conv1_1", "relu1_1", "conv1_2", "relu1_2", "pool1"),
        ("pool5", "fc6", "relu6", "fc7", "relu7", "fc8", "prob"),
    )
    assert myvgg.layer_names(include_top=False) == names[:37]
    assert len(names) == 16 * 2 + 5 + 3 * 2


@pytest.mark.parametrize(
    ("keras_name", "expected"),
    [
        ("block4_conv2", "relu4_2"),
        ("block5_pool", "pool5"),
        ("fc1", "relu6"),
        ("fc2", "relu7"),
        ("predictions", "prob"),
    ],
)
def test_keras_names_stand_for_what_keras_layers_put_out(keras_name: str, expected: str) -> None:
    """Keras' convolutions include their rectification, so its names stand for relu tensors."""
    assert E.resolve(keras_name) == expected


def test_unknown_name_names_the_nearest() -> None:
    """A slip of the hand is met with the names that come near."""
    with pytest.raises(ValueError, match=r"vgg19 has no layer 'relu4-2': did you mean relu4_2"):
        E.resolve("relu4-2")
    with pytest.raises(ValueError, match=r"names run from conv1_1 to prob"):
        E.resolve("zzz")


def test_strides_and_receptive_fields(probe: dict[str, tuple[int, int]]) -> None:
    """They equal what following single pixels through a one-dimensional network finds."""
    actual = {name: (E.activations[name].stride, E.activations[name].receptive_field) for name in probe}
    assert actual == probe
    assert len(probe) == 37


@pytest.fixture(scope="module")
def probe() -> dict[str, tuple[int, int]]:
    """Stride and number of inputs that each position depends on, found by following sets of pixels."""
    positions = [frozenset([pixel]) for pixel in range(1024)]
    found, stride = {}, 1
    for layer in E.layers:
        if layer.name.startswith("fc"):
            break
        if layer.name.startswith("pool"):
            positions = [a | b for a, b in zip(positions[::2], positions[1::2], strict=True)]
            stride *= 2
        else:
            positions = [frozenset().union(*positions[max(0, i - 1) : i + 2]) for i in range(len(positions))]
        inputs = len(positions[len(positions) // 2])
        found[layer.name] = found[layer.name.replace("conv", "relu")] = (stride, inputs)
    return found


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("size", [(224, 224), (65, 71), (33, 32), (1, 300)], ids=str)
def test_shapes_follow_the_pools(size: tuple[int, int], padding: str) -> None:
    """Every map has the size that halving step by step gives, rounded down or up."""
    height, width = size
    for layer in E.layers:
        if layer.name.startswith("fc"):
            break
        if layer.name.startswith("pool"):
            height, width = ((n + (padding == "same")) // 2 for n in (height, width))
        if min(height, width) < 1:
            with pytest.raises(ValueError, match=f"leaves nothing at {layer.name}: the smallest that works is"):
                E.shape(layer.name, *size, pool_padding=padding)
        else:
            assert E.shape(layer.name, *size, pool_padding=padding)[:2] == (height, width)


def test_dense_layers_take_one_size() -> None:
    """The classifier was made for 224 x 224."""
    assert E.shape("fc6", 224, 224) == E.shape("relu6", 224, 224) == (4096,)
    assert E.shape("predictions", 224, 224) == (1000,)
    with pytest.raises(ValueError, match="fc6 needs pictures of 224 x 224 pixels, not 256 x 224"):
        E.shape("fc6", 256, 224)


def test_small_network_goes_through_the_same_code(tiny: Architecture) -> None:
    """A network with few channels has the same names and other numbers."""
    assert tiny.layer_names() == E.layer_names()
    assert tiny.parametric["fc6"].kernel_shape == (2 * 2 * 7, 12)
    assert tiny.activations["pool5"].receptive_field == E.activations["pool5"].receptive_field


def test_other_number_of_classes() -> None:
    """Only the last layer changes."""
    other = E.with_classes(10)
    assert other.parametric["fc8"].kernel_shape == (4096, 10)
    assert other.layers[:-1] == E.layers[:-1]
