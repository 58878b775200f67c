"""Pictures and masks are checked at the call: their kinds, their shapes, and what they are for."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from myvgg.images import ImageError
from myvgg.nst import Settings
from myvgg.nst.inputs import Inputs, read_inputs
from myvgg.nst.layers import Layers

PICTURE = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
HALF = np.zeros((30, 40), bool)
HALF[:, :20] = True


def inputs(settings: Settings | None = None, **changed: Any) -> Inputs:
    """Read a content and a style of one form, with others in place of them or beside them."""
    given = {"content": PICTURE, "style": PICTURE, "masks": (), "style_masks": (), "keep": None, "first": None}
    return read_inputs(**(given | changed), settings=settings or Settings())  # type: ignore[arg-type]


def given_as(role: str, mask: Any) -> dict[str, Any]:
    """Return a mask as the argument of a role."""
    return {role: mask if role == "keep" else [mask]}


ROLES = {"masks": "mask 1", "style_masks": "style mask 1", "keep": "keep"}


@pytest.mark.parametrize(("role", "name"), ROLES.items())
@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (~HALF & HALF, " is black everywhere: paint the part that counts white"),
        (HALF * np.float32(0.004), r" is black almost everywhere, its brightest value is 0\.004 of 1"),
        (3 * HALF.astype(np.uint8), ": a mask of values from 0 to 3 has labels"),
        (255.0 * HALF, r": a mask must have values from 0 to 1, not 0.0 to 255.0: divide by 255"),
        (PICTURE / 255, r": a mask must have shape \(height, width\), not \(30, 40, 3\)"),
    ],
    ids=["black", "dark", "labels", "levels", "colours"],
)
def test_wrong_masks_are_named(role: str, name: str, mask: np.ndarray, message: str) -> None:
    """A mask that cannot be meant is refused with its name and what helps."""
    with pytest.raises(ValueError, match=f"^{name}{message}"):
        inputs(**given_as(role, mask))


def test_a_file_of_labels_is_named(tmp_path: Path) -> None:
    """The classes of a palette are no greys; the error has the path."""
    labels = Image.new("P", (4, 3))
    labels.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
    labels.putdata([0, 1, 2] * 4)
    labels.save(tmp_path / "labels.png")
    with pytest.raises(ImageError, match=r"labels\.png: .*a mask of 3 colours has labels"):
        inputs(keep=tmp_path / "labels.png")


@pytest.mark.parametrize(("role", "name"), ROLES.items())
@pytest.mark.parametrize(("shape", "said"), [((40, 30), "30 x 40"), ((30, 30), "30 x 30"), ((512, 900), "900 x 512")])
def test_a_mask_of_another_aspect_is_said(role: str, name: str, shape: tuple[int, int], said: str) -> None:
    """A mask that is stretched gives a warning with both shapes."""
    with pytest.warns(UserWarning, match=f"^{name} of {said} pixels is stretched to its picture's 40 x 30$"):
        inputs(**given_as(role, np.ones(shape, bool)))


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    "shape", [(30, 40), (3, 4), (480, 640), (384, 512), (385, 512), (15, 21), (768, 1024), (508, 672)]
)
def test_a_mask_of_another_size_is_taken(role: str, shape: tuple[int, int]) -> None:
    """The picture's aspect, rounded to pixels or up to a hundredth, is no matter for a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        inputs(**given_as(role, np.ones(shape, bool)))


def test_init_may_be_a_file(tmp_path: Path) -> None:
    """The file that `init` names is read at the call; a name that is neither a start nor a file is refused there."""
    Image.fromarray(PICTURE).save(tmp_path / "first.png")
    assert np.array_equal(inputs(Settings(init=str(tmp_path / "first.png"))).given, PICTURE)  # type: ignore[arg-type]
    with pytest.raises(
        ImageError, match=r"^init must be blend, add, content, blur, edges, noise, style or a file: blnd: cannot be"
    ):
        inputs(Settings(init="blnd"))
    with pytest.raises(ValueError, match="init must not be style where there is no style picture"):
        inputs(Settings(init="style"), style=None)


@pytest.mark.parametrize(
    ("settings", "missing", "kind"),
    [
        (Settings.preset("nnst"), "style", "style"),
        (Settings(style_weight=0.0, tv_weight=0.0), "content", "content"),
        (Settings(content_layers=Layers(), tv_weight=0.0), "style", "style"),
    ],
    ids=["nnst", "texture", "no layers"],
)
def test_pictures_without_a_loss_are_refused(settings: Settings, missing: str, kind: str) -> None:
    """A picture that nothing is compared with would stay as it began."""
    assert inputs(settings)
    with pytest.raises(
        ValueError, match=f"the settings compare nothing: add a {kind} picture, or raise content_weight"
    ):
        inputs(settings, **{missing: None})


@pytest.mark.parametrize(
    "settings",
    [
        Settings(content_layers=Layers(), style_weight=0.0, tv_weight=0.0),
        replace(Settings.preset("nnst"), match_weight=0.0, last_pass=0),
    ],
    ids=["no layers", "no matches"],
)
def test_settings_without_a_loss_are_refused(settings: Settings) -> None:
    """With both pictures, the weights are asked for."""
    with pytest.raises(
        ValueError, match="the settings compare nothing: raise content_weight, style_weight or tv_weight"
    ):
        inputs(settings)


@pytest.mark.parametrize("init", ["blend", "style", "missing.png"])
def test_a_first_picture_counts_more_than_init(init: str) -> None:
    """A first picture that is given is never ignored."""
    assert np.array_equal(inputs(Settings(init=init), first=PICTURE[::-1]).given, PICTURE[::-1])  # type: ignore[arg-type]
