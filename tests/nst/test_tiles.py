"""Cutting pictures into tiles."""

from __future__ import annotations

import numpy as np
import pytest

from myvgg.architecture import CONFIGURATION_E
from myvgg.nst import tiles

ACTIVATIONS = CONFIGURATION_E.activations
SIZES = [(64, 64), (333, 250), (129, 1), (1, 700), (97, 4096), (1024, 768)]


@pytest.mark.parametrize(("layer", "expected"), [("relu1_1", 4), ("relu2_1", 4), ("relu4_2", 40), ("relu5_1", 80)])
def test_surroundings_are_whole_positions(layer: str, expected: int) -> None:
    """A tile is surrounded by what its positions see, rounded up to the layer's stride, or to a cell of 4 pixels."""
    assert tiles.halo(CONFIGURATION_E, [layer]) == expected


def test_surroundings_are_those_of_the_deepest_layer() -> None:
    """Shallow layers beside deep ones change nothing, and without any layer, a cell suffices for neighbours."""
    assert tiles.halo(CONFIGURATION_E, ["relu1_1", "relu5_1", "relu4_2"]) == 80
    assert tiles.halo(CONFIGURATION_E, []) == 4


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("side", [9, 16, 100, 256])
@pytest.mark.parametrize("layer", ["relu1_1", "relu3_2", "relu5_1"])
def test_tiles_cover_every_pixel_once(height: int, width: int, side: int, layer: str) -> None:
    """Every pixel is inside one tile, tiles begin on the grid, and have all surroundings that the picture has."""
    counts = np.zeros((height, width), int)
    stride, around = ACTIVATIONS[layer].stride, tiles.halo(CONFIGURATION_E, [layer])
    grid = tiles.grid(CONFIGURATION_E, [layer])
    longest = -(-side // grid) * grid + grid - 1  # the last one takes what is left below a step of the grid
    cut = tiles.cut(height, width, side, CONFIGURATION_E, [layer])
    for tile in cut:
        counts[tiles.window(tile.box)] += 1
        assert len(cut) == 1 or tile.box[1] - tile.box[0] <= longest
        assert all(start % stride == 0 for start in (*tile.box[::2], *tile.outer[::2]))
        for first, end, outer, outer_end, size in ((*tile.box[:2], *tile.outer[:2], height),):
            assert (outer, outer_end) in ((max(0, first - around), min(size, end + around)), (0, height))
        inside = tile.inside
        assert (tile.outer[0] + inside[0], tile.outer[0] + inside[1]) == tile.box[:2]
        assert (tile.outer[2] + inside[2], tile.outer[2] + inside[3]) == tile.box[2:]
    assert (counts == 1).all()


@pytest.mark.parametrize(("height", "width"), [(500, 500), (1000, 250)])
def test_a_picture_no_larger_than_a_tile_is_whole(height: int, width: int) -> None:
    """Where a picture has no more pixels than a tile with its surroundings, cutting it would save nothing."""
    (tile,) = tiles.cut(height, width, 340, CONFIGURATION_E, ["relu5_1"])
    assert tile == tiles.Tile((0, height, 0, width), (0, height, 0, width))
    assert len(tiles.cut(height, width, 339, CONFIGURATION_E, ["relu5_1"])) > 1
    assert len(tiles.cut(height, width, None, CONFIGURATION_E, ["relu5_1"])) == 1


@pytest.mark.parametrize("keeps_odd", [False, True])
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_parts_of_maps_join_to_the_maps(height: int, width: int, keeps_odd: bool) -> None:
    """What tiles have of a layer is what the layer has, whether its pools keep an odd last position or not."""
    stride = 16
    rows, columns = ((-(-size // stride)) if keeps_odd else size // stride for size in (height, width))
    maps = np.random.default_rng(1).random((1, rows, columns, 2))
    joined = np.zeros_like(maps)
    for tile in tiles.cut(height, width, 64, CONFIGURATION_E, ["relu5_1"]):
        window = tiles.window(tile.box, stride)
        joined[:, *window] += maps[:, *window]
    assert np.array_equal(joined, maps)
