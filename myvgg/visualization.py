"""Pictures of the features of a layer: its maps, its Gram matrix, and a picture reconstructed from them."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from jaxtyping import Float32

from myvgg.images import Picture, as_picture, resize, target_size
from myvgg.loading import given_or_found
from myvgg.params import HasParams, Params
from myvgg.runtime.watching import Watch, last_of, unwatched

COLOURS = "magma"
"""Matplotlib's map of colours, dark for small values."""

CELL = (48, 256)
"""Smallest and largest side of a map in a picture of many, in pixels."""

WIDTH = 1600
"""Width of a picture of many maps, in pixels, about."""

GAP = 2
"""Pixels between maps."""

GRAM_WIDTH = 768
"""Width of a picture of a Gram matrix, in pixels, about."""

GRAM_RANGE = 1e-4
"""Smallest product that has a colour of its own, as a share of the largest."""

BRIGHTEST = 99.5
"""Per cent of the values that the colours distinguish; a few larger ones would leave all others dark."""


def draw_layer(
    picture: Any,
    layer: str,
    *,
    params: Params | HasParams | None = None,
    show: Literal["maps", "gram", "reconstruction"] = "maps",
    channels: int = 64,
    size: int = 384,
    iterations: int = 200,
    watch: Watch = unwatched,
) -> Picture:
    """Draw the features of a picture at a layer.

    Args:
        picture: A path, a picture of Pillow's, or an array as `myvgg.images.as_picture` takes it.
        layer: A layer of maps, such as `relu3_1`.
        params: The network's parameters, or a `VGG19` or `VGG16`. None takes the first file that is found, or else the
            bundled weights.
        show: `maps`, see `maps_picture`; `gram`, see `gram_picture`; or `reconstruction`, see `reconstruction`.
        channels: Largest number of maps.
        size: Longest side in pixels, at which the picture goes through the network.
        iterations: Number of steps of a reconstruction.
        watch: See `reconstruction`.

    Returns:
        R, G, B, 0 to 255.

    Raises:
        ValueError: A number below 1, a layer that has no maps, or a picture too small for the layer.
        ImageError: The picture cannot be read.
        WeightsError: No weights can be used.

    Example:
        >>> import myvgg
        >>> myvgg.visualization.draw_layer("examples/chelsea.jpg", "relu2_1", params=myvgg.VGG19.load("bundled")).shape
        (1166, 1550, 3)
    """
    if min(channels, size, iterations) < 1:
        raise ValueError("channels, size and iterations must be at least 1")
    network = given_or_found(params)
    if network.architecture.resolve(layer) not in network.architecture.layer_names(include_top=False):
        raise ValueError(f"layer must be a layer of maps, which {layer} is not")
    loaded = as_picture(picture)
    width, height = target_size(size, loaded.shape[1], loaded.shape[0])
    resized = resize(loaded, (width, height))
    network.architecture.shape(layer, height, width)
    if show == "reconstruction":
        return reconstruction(resized, layer, network, iterations=iterations, watch=watch)
    from myvgg.extractor import Extractor
    from myvgg.network import check_option

    check_option("show", show, ("maps", "gram", "reconstruction"))
    found = Extractor(network, [layer], reduce="gram" if show == "gram" else "none")(resized)[layer]
    return gram_picture(found) if show == "gram" else maps_picture(found, channels=channels)


def maps_picture(maps: Any, *, channels: int = 64) -> Float32[np.ndarray, "sheet_height sheet_width 3"]:
    """Draw maps side by side, the map with the largest mean square first, all in the same colours.

    Args:
        maps: Features of one picture as `VGG19.features` or an extractor gives them: an array or a tensor
            (1, height, width, channels) or (height, width, channels).
        channels: Largest number of maps.

    Returns:
        R, G, B, 0 to 255.

    Raises:
        ValueError: Another shape, several pictures, or a number below 1.

    Example:
        >>> import numpy as np
        >>> from myvgg.visualization import maps_picture
        >>> maps_picture(np.random.default_rng(0).uniform(size=(1, 24, 32, 6))).shape
        (386, 772, 3)
    """
    if channels < 1:
        raise ValueError(f"channels must be at least 1, not {channels}")
    single = _single("maps", maps, "height width channels")
    order = np.argsort(-np.mean(single.astype(np.float64) ** 2, (0, 1)), kind="stable")[:channels]
    columns = math.ceil(math.sqrt(len(order)))
    height, width, _ = single.shape
    scale = max(1, min(CELL[1], max(CELL[0], WIDTH // columns)) // max(height, width))
    low = float(np.minimum(single[..., order].min(), 0))
    high = brightest(single[..., order], low)
    cell = np.array([height, width]) * scale + GAP
    rows = math.ceil(len(order) / columns)
    sheet = np.full((rows * cell[0] - GAP, columns * cell[1] - GAP, 3), 255, np.float32)
    for place, channel in enumerate(order):
        top, left = np.array(divmod(place, columns)) * cell
        enlarged = np.repeat(np.repeat(single[..., channel], scale, 0), scale, 1)
        sheet[top : top + height * scale, left : left + width * scale] = coloured(enlarged, low, high)
    return sheet


def gram_picture(products: Any) -> Float32[np.ndarray, "height width 3"]:
    """Draw a Gram matrix, its channels ordered by their mean squares, its colours by the logarithm.

    Args:
        products: Mean products of channels, an array or a tensor (1, channels, channels) or (channels, channels), as an
            extractor with `reduce="gram"` gives them.

    Returns:
        R, G, B, 0 to 255.

    Raises:
        ValueError: Another shape, or several pictures.

    Example:
        >>> import numpy as np
        >>> from myvgg.visualization import gram_picture
        >>> gram_picture(np.eye(64)).shape
        (768, 768, 3)
    """
    matrix = _single("products", products, "channels channels")
    if matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"products must be a square matrix, not of shape {matrix.shape}")
    order = np.argsort(-np.diag(matrix), kind="stable")
    ordered = np.abs(matrix[order][:, order]).astype(np.float64)
    logarithm = np.log10(np.maximum(ordered, ordered.max() * GRAM_RANGE + 1e-30))
    scale = max(1, GRAM_WIDTH // len(order))
    return coloured(np.kron(logarithm, np.ones((scale, scale))), float(logarithm.min()), float(logarithm.max()))


def reconstruction(
    picture: Any,
    layer: str,
    params: Params | HasParams | None = None,
    *,
    iterations: int = 200,
    watch: Watch = unwatched,
) -> Float32[np.ndarray, "height width 3"]:
    """Make a smooth picture, from noise, that has the features of a picture at a layer.

    Args:
        picture: A path, a picture of Pillow's, or an array as `myvgg.images.as_picture` takes it.
        layer: A layer of maps.
        params: The network's parameters, or a `VGG19` or `VGG16`. None takes the first file that is found, or else the
            bundled weights.
        iterations: Number of steps of L-BFGS.
        watch: A function of the steps, as `myvgg.nst.steps` gives them, and their number, that passes the steps on,
            such as a progress bar; where it stops, the picture of the last step that it passed on is the result.

    Returns:
        R, G, B, 0 to 255.

    Raises:
        ValueError: An unknown layer, a picture that cannot be used, or no step that was passed on.
        ImageError: The picture cannot be read.
        WeightsError: No weights can be used.

    Reference:
        Mahendran and Vedaldi (2015), "Understanding Deep Image Representations by Inverting Them", equation 1.
    """
    from myvgg.nst.settings import Layers, Settings
    from myvgg.nst.transfer import steps

    network, wanted = given_or_found(params), as_picture(picture)
    only = Layers(f"{network.architecture.resolve(layer)}=1")
    settings = Settings(
        content_layers=only,
        style_layers=only,  # there is no style, and deeper layers would need a larger picture
        style_loss="wasserstein",
        tv_weight=2.0,
        optimizer="lbfgs",
        init="noise",
        scales=1,
        size=max(wanted.shape[:2]),
        iterations=iterations,
    )
    found: Picture = last_of(watch(steps(wanted, None, settings, params=network), iterations)).image
    return found


def _single(name: str, values: Any, axes: str) -> np.ndarray:
    """Return the features of one picture without the axis of a batch."""
    array = np.asarray(values)
    count = len(axes.split())
    single = array[0] if array.ndim == count + 1 and len(array) == 1 else array
    if single.ndim != count or single.size == 0:
        raise ValueError(f"{name} must be those of one picture, ({axes.replace(' ', ', ')}), not {array.shape}")
    return single


def brightest(values: np.ndarray, low: float) -> float:
    """Return the number for the bright end of the colours: few larger ones are left, and they do not darken the rest.

    Args:
        values: The numbers that are drawn.
        low: Number of the dark end; where almost no value is above it, the largest one is the bright end.

    Example:
        >>> import numpy as np
        >>> from myvgg.visualization import brightest
        >>> brightest(np.arange(1001), 0.0), brightest(np.arange(1001) // 1000, 0.0)
        (995.0, 1.0)
    """
    high = float(np.percentile(values, BRIGHTEST))
    return high if high > low else float(values.max())


def coloured(values: np.ndarray, low: float, high: float) -> Float32[np.ndarray, "_ _ 3"]:
    """Colour numbers, the dark end for `low` and the bright end for `high`.

    Args:
        values: (height, width).
        low: Number of the dark end.
        high: Number of the bright end.

    Returns:
        R, G, B, 0 to 255.

    Example:
        >>> import numpy as np
        >>> from myvgg.visualization import coloured
        >>> coloured(np.zeros((1, 1)), 0.0, 1.0).round().tolist()
        [[[0.0, 0.0, 4.0]]]
    """
    from matplotlib import colormaps

    share = (values - low) / (high - low) if high > low else np.zeros_like(values)
    return np.asarray(colormaps[COLOURS](share)[..., :3] * 255, np.float32)
