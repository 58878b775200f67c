"""One scale of a run: its pictures, its first picture, its targets, and how its result is finished."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from myvgg.images import Picture, resample, resize, resize_mask
from myvgg.nst import colors, guides, pyramid, tiles
from myvgg.nst.encoder import Encoder
from myvgg.nst.evaluation import Evaluate, Evaluator
from myvgg.nst.inputs import Inputs
from myvgg.nst.settings import Settings
from myvgg.nst.stages import Kept, Losses
from myvgg.nst.state import Pixels
from myvgg.nst.targets import make_targets

DRAFT_BLUR = 0.35
"""Standard deviation of the blur that tells details from a draft, in the draft's pixels."""


class Scale:
    """The pictures of a run at one size."""

    def __init__(
        self,
        inputs: Inputs,
        size: pyramid.Size,
        encoder: Encoder,
        settings: Settings,
        *,
        draft: pyramid.Size | None = None,
        begin: Pixels | None = None,
    ) -> None:
        """Bring the pictures to a size.

        Args:
            inputs: The pictures.
            size: Width and height in pixels.
            encoder: The network.
            settings: Of this scale, with its content weight.
            draft: Size of the draft that this scale only adds details to; None for a scale that may change all.
            begin: The result of the scale before in this size, 0 to 1: its places are matched, and above a
                draft, details are added to it.
        """
        self._inputs, self._encoder, self._settings = inputs, encoder, settings
        self._draft, self._begin = draft, begin
        self.size = size
        self._keep = None if inputs.keep is None else resize_mask(inputs.keep, size)[..., np.newaxis]
        architecture, method = encoder.params.architecture, settings.resize
        sizes = [pyramid.style_size(s.shape[1], s.shape[0], size, settings, architecture) for s in inputs.styles]
        self._styles = [resize(style, each, method=method) for style, each in zip(inputs.styles, sizes, strict=True)]

    def content(self) -> Picture:
        """Make the content picture anew, whenever it is needed: a large one is too large to be kept twice."""
        return resize(self._inputs.content, self.size, method=self._settings.resize)

    def first_picture(self) -> Pixels:
        """Make the picture that a run starts from, 0 to 1."""
        settings = self._settings
        if not self._inputs.has_content and settings.init in ("blend", "add", "content", "blur", "edges"):
            settings = replace(settings, init="noise")
        style = self._styles[0] if self._styles else None
        if style is not None and settings.init == "edges":
            style = self._mean_color()
        image: Pixels = pyramid.first_image(self.content(), style, settings, given=self._inputs.given)[np.newaxis] / 255
        return image

    def with_details(self, larger: Picture) -> Picture:
        """Add a share of the content's details that this scale is too small for: the start of the next scale.

        Args:
            larger: The result of this scale in the size of the next, 0 to 255.

        Reference:
            Kolkin et al. (2019), "Style Transfer by Relaxed Optimal Transport and Self-Similarity", implementation
            details, on the start of a scale. Differs from it: the last scale gets them too.
        """
        settings, size = self._settings, (larger.shape[1], larger.shape[0])
        if not (self._inputs.has_content and self._styles and settings.style_weight and settings.content_details):
            return larger
        content = resize(self._inputs.content, size, method=settings.resize)
        start = resample(resample(content, self.size), size)
        np.subtract(content, start, out=start)
        start *= settings.content_details
        start += larger
        return np.clip(start, 0, 255, out=start)

    def smaller_tile(self, side: int | None) -> int | None:
        """Return the side of tiles of half as many pixels; None if tiles cannot be smaller."""
        width, height = self.size
        largest = max([height * width, *(style.shape[0] * style.shape[1] for style in self._styles)])
        around = tiles.halo(self._encoder.params.architecture, self._settings.layers)
        return tiles.smaller(largest, side, around)

    def bind(self, tile: int | None, *, evaluator: Evaluator, cache: MutableMapping[Any, Any]) -> Evaluate:
        """Compute the targets, and return the evaluation of pictures of this scale.

        Args:
            tile: Side of the tiles in pixels; None for whole pictures.
            evaluator: The graphs of the run.
            cache: Statistics of style pictures from earlier calls; new ones are added.
        """
        inputs, settings, (width, height) = self._inputs, self._settings, self.size
        content = self.content()[np.newaxis]
        targets = make_targets(
            self._encoder,
            content if inputs.has_content else None,
            [style[np.newaxis] for style in self._styles] if settings.style_weight else [],
            settings,
            source=self._matched(content),
            masks=guides.regions(inputs.masks, height, width) if inputs.masks and settings.style_weight else None,
            style_masks=self._style_masks() if settings.style_weight else None,
            cache=cache,
            tile=tile,
        )
        kept = () if self._keep is None else Kept(self._keep[np.newaxis], content)
        cut = tiles.cut(height, width, tile, self._encoder.params.architecture, targets.layers)
        evaluate = evaluator.bind(targets, cut, height=height, width=width, kept=kept)
        return evaluate if self._draft is None else self._filtered(evaluate)

    def _matched(self, content: np.ndarray) -> np.ndarray | None:
        """Return the picture whose places are matched with the style's: content, and a share of the result.

        The details of that share are the content's too, since an enlarged picture has none.

        Reference:
            Kolkin et al. (2022), "Neural Neighbor Style Transfer", section 3.1, on the source of the features.
        """
        if not self._settings.matched_layers:
            return None
        if not self._inputs.has_content:
            return 255 * (self.first_picture() if self._begin is None else self._begin)
        if self._begin is None:
            return content
        share, (width, height) = self._settings.match_progress, self.size
        small = resample(content[0], (max(1, width // 2), max(1, height // 2)))
        current = 255 * self._begin + content - resample(small, self.size)[np.newaxis]
        return np.asarray((share * current + (1 - share) * content).clip(0, 255), np.float32)

    def picture(self, pixels: Pixels) -> Picture:
        """Bring an optimiser's picture to 0 to 255, in memory of its own; above a draft, only its details count."""
        image: Picture = pixels[0].clip(0, 1)
        if self._draft is not None:
            assert self._begin is not None
            image -= self._begin[0]
            image = self._high_pass(image)
            image += self._begin[0]
            np.clip(image, 0, 1, out=image)
        image *= 255
        return image

    def finish(self, pixels: Pixels) -> Picture:
        """Make the result of an optimiser's picture, 0 to 255, with the kept part and the content's colours."""
        image = self.picture(pixels)
        if self._settings.preserve_colors == "luminance":
            image = colors.keep_colors(image, self.content(), strength=self._settings.color_strength)
        if self._settings.preserve_colors == "transfer" and self._styles:
            shares, strength = self._shares(), self._settings.color_strength
            image = colors.transfer_colors(image, self.content(), self._palettes(), shares, strength=strength)
        if self._keep is not None:
            image = np.asarray(image + self._keep * (self.content() - image), np.float32)
        return image

    def _palettes(self) -> list[Picture]:
        """Return the parts of the style pictures that count, where a mask chooses one as a single row of pixels."""
        masks = (None if mask is None else guides.members(mask) for mask in self._style_masks())
        return [
            style if mask is None else style[mask][np.newaxis] for style, mask in zip(self._styles, masks, strict=True)
        ]

    def _mean_color(self) -> Picture:
        """Return the mean colour of the styles, by their shares, as a picture of one pixel."""
        means = [palette.mean((0, 1), dtype=np.float32) for palette in self._palettes()]
        mean = np.average(means, 0, [np.mean(share) for share in self._shares()])
        return np.asarray(mean, np.float32)[np.newaxis, np.newaxis]

    def _style_masks(self) -> list[Any]:
        """Return the masks of the style pictures at their sizes, or None each."""
        return [
            None if mask is None else guides.regions([mask], style.shape[0], style.shape[1])[0]
            for mask, style in zip(self._inputs.style_masks, self._styles, strict=True)
        ]

    def _shares(self) -> list[Any]:
        """Return the part of each style in the result: a mask of this size, or a number."""
        if self._inputs.masks:
            return guides.divided(guides.regions(self._inputs.masks, self.size[1], self.size[0]))
        return self._settings.blend_shares(len(self._styles))

    def _filtered(self, evaluate: Evaluate) -> Evaluate:
        """Evaluate what `picture` makes of an optimiser's picture; the filter is its own adjoint."""

        def evaluate_filtered(pixels: Pixels, step: int) -> tuple[Losses, np.ndarray]:
            losses, gradient = evaluate(self.picture(pixels)[np.newaxis] / 255, step)
            return losses, self._high_pass(np.asarray(gradient)[0])[np.newaxis]

        return evaluate_filtered

    def _high_pass(self, image: np.ndarray) -> np.ndarray:
        """Return the details above the draft: a picture less its Gaussian blur. A sharp filter would leave a grid."""
        assert self._draft is not None
        blur = DRAFT_BLUR * max(self.size) / max(self._draft)
        details: np.ndarray = image - gaussian_filter(image, (blur, blur, 0), mode="reflect")
        return details
