"""The loop: from a first picture, over the scales, to a stylised one."""

from __future__ import annotations

import functools
import gc
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import tensorflow as tf
from PIL.Image import Resampling

from myvgg.nst import colors, guides, memory, plan, pyramid, tiles
from myvgg.nst.evaluation import Evaluate, Kept, Pixels, evaluation
from myvgg.nst.images import AnyPicture, Picture, as_rgb, resample, resize, resize_mask
from myvgg.nst.losses import Scalar
from myvgg.nst.network import Network
from myvgg.nst.optimizers import OPTIMIZERS, Optimizer, State, enlarged
from myvgg.nst.settings import Settings
from myvgg.nst.targets import make_targets
from myvgg.params import Params

EXPLODED = 1e3
"""Times its first value of a scale that a loss may become before it is held to have exploded."""

RESTARTS = 3
"""How often a run may go back to its best picture."""


@dataclass(frozen=True)
class Step:
    """One step of the optimisation.

    Attributes:
        iteration: From 1, over all scales.
        iterations: In all; L-BFGS may end earlier.
        scale: From 1.
        scales: How many there are.
        size: Width and height of this scale, in pixels.
        losses: `content`, `style`, `tv` and the weighted `total` of the picture before the step.
        note: What was done when something went wrong, otherwise empty.
    """

    iteration: int
    iterations: int
    scale: int
    scales: int
    size: pyramid.Size
    losses: dict[str, float]
    note: str
    _picture: Pixels = field(repr=False)
    _finish: Callable[[Pixels], Picture] = field(repr=False)
    _state: Callable[[], State] = field(repr=False)

    @property
    def image(self) -> Picture:
        """The picture that one would save if this were the last step, R, G, B, 0 to 255, of the scale's size."""
        return self._finish(self._picture)

    def state(self) -> State:
        """Return what `stylize` needs to go on with equal results: from here, as long as this is the latest step.

        Later, it is the state of the latest step at this scale, since the optimizer moves in place. For the same
        reason, what is to be kept beyond the next step must be copied.
        """
        return self._state()


@dataclass(frozen=True)
class Inputs:
    """The pictures of a run, as arrays.

    Attributes:
        content: The content picture, or a style picture that lends its aspect where there is none.
        has_content: Whether it is the former.
        styles: The style pictures, their colours already matched.
        masks: The regions of the styles in the content, of any shapes, or empty.
        style_masks: The parts of the style pictures that count, or None each.
        keep: What stays as it is.
        given: The first picture, where it is a file.
    """

    content: AnyPicture
    has_content: bool
    styles: list[AnyPicture]
    masks: list[np.ndarray]
    style_masks: list[np.ndarray | None]
    keep: np.ndarray | None
    given: AnyPicture | None


def stylize(
    content: Any,
    style: Any,
    settings: Settings | None = None,
    *,
    params: Params | None = None,
    masks: Sequence[Any] = (),
    style_masks: Sequence[Any] = (),
    keep: Any = None,
    first: Any = None,
    state: dict[str, np.ndarray] | None = None,
    kept: MutableMapping[Any, Any] | None = None,
) -> Iterator[Step]:
    """Give a picture the look of another.

    Args:
        content: What to show: R, G, B, 0 to 255, uint8 or floating point, (height, width, 3) or grey (height, width).
            None makes a texture of the style.
        style: How to show it: a picture likewise, of any size, or a list of them. None or an empty list reconstructs
            the content.
        settings: How to go about it.
        params: The network's parameters; by default those of the first file that is found, or else the bundled ones.
        masks: One for each style, (height, width), 0 to 1: where in the content it goes. By default all styles are
            blended everywhere.
        style_masks: One for each style, or None: the part of it that counts.
        keep: A mask of what stays as it is in the content.
        first: The first picture, where `settings.init` names a file.
        state: Of a `Step` of an earlier run with the same arguments, to go on from there.
        kept: A dictionary in which statistics of style pictures are kept for the next call with the same settings.

    Returns:
        The steps as they are made, the last the most advanced. Nothing is computed while none is asked for.

    Raises:
        ValueError: A picture or mask of the wrong shape, a number of masks or shares that does not go with the styles,
            or a picture too small for the layers.
        FloatingPointError: While iterating, the loss is no number any more, and going back has not helped.
        MemoryError: While iterating.
        WeightsError: There are no weights.
    """
    settings = settings or Settings()
    inputs = _inputs(content, style, settings, masks=masks, style_masks=style_masks, keep=keep, first=first)
    if params is None:
        from myvgg.loading import load_params

        params = load_params(include_top=False, bundled_first=True)
    height, width, _ = inputs.content.shape
    sizes = pyramid.sizes(width, height, settings, params.architecture)
    for each in inputs.styles:
        pyramid.style_size(each.shape[1], each.shape[0], sizes[0], settings, params.architecture)
    network = Network(params, settings)
    styles = [(each.shape[1], each.shape[0]) for each in inputs.styles]
    settings = replace(settings, precision=network.precision)
    planned = plan.Sizes((width, height), styles, max(1, len(inputs.masks)))
    return _run(inputs, sizes, planned, network, settings, state, {} if kept is None else kept)


def _inputs(
    content: Any, style: Any, settings: Settings, *, masks: Sequence[Any], style_masks: Sequence[Any], **others: Any
) -> Inputs:
    styles = [as_rgb(each) for each in ([] if style is None else style if isinstance(style, list | tuple) else [style])]
    if content is None and not styles:
        raise ValueError("content and style must not both be None")
    for name, given in (
        ("masks", masks),
        ("style_masks", style_masks),
        ("style_blend", settings.style_blend),
    ):
        if given and len(given) != len(styles):
            raise ValueError(f"{name} must be one for each style: there are {len(given)} for {len(styles)}")
    if content is None and settings.preserve_colors != "none":
        raise ValueError(f"preserve_colors must be none where there is no content, not {settings.preserve_colors!r}")
    canvas = styles[0] if content is None else as_rgb(content)
    return Inputs(
        content=canvas,
        has_content=content is not None,
        styles=[_colored(each, canvas, settings) for each in styles],
        masks=[np.asarray(mask, np.float32) for mask in masks],
        style_masks=[None if mask is None else np.asarray(mask, np.float32) for mask in style_masks]
        or [None] * len(styles),
        keep=None if others["keep"] is None else np.asarray(others["keep"], np.float32),
        given=None if others["first"] is None else as_rgb(others["first"]),
    )


def _colored(style: AnyPicture, content: AnyPicture, settings: Settings) -> AnyPicture:
    if settings.preserve_colors == "match":
        return colors.match_colors(style, content, root=settings.color_root, strength=settings.color_strength)
    if settings.preserve_colors == "histogram":
        return colors.match_histogram(style, content, strength=settings.color_strength)
    return style


def _run(
    inputs: Inputs,
    sizes: list[pyramid.Size],
    planned: plan.Sizes,
    network: Network,
    settings: Settings,
    state: dict[str, np.ndarray] | None,
    kept: MutableMapping[Any, Any],
) -> Iterator[Step]:
    """Go through the scales, each starting from what the one before has made."""
    counts = pyramid.steps(sizes, settings)
    tile, watch = plan.tile(settings, planned, network.params), memory.Watch(settings)
    state = {**state} if state else {}
    begin, before, draft = int(state.pop("scale", 0)), int(state.pop("before", 0)), state.pop("draft", None)
    for index in range(begin, len(sizes)):
        scale = _Scale(inputs, sizes[index], network, settings, tile, watch, kept, draft)
        optimizer = OPTIMIZERS[settings.optimizer](scale.evaluate, state or scale.first_state(), settings)
        state = _carried(state, "steps", "restarts", "first")  # the pictures in it are the optimizer's now
        done = int(state.get("steps", 0))
        where = {"scale": np.array(index), "before": np.array(before)} | ({} if draft is None else {"draft": draft})
        for done, terms, note in _steps(optimizer, state, counts[index]):
            yield Step(
                before + done,
                sum(counts),
                index + 1,
                len(sizes),
                sizes[index],
                terms,
                "; ".join(filter(None, (scale.told(), note))),
                optimizer.picture,
                scale.finish,
                functools.partial(_state_of, optimizer, _carried(state, "restarts", "first") | where),
            )
        gc.collect()  # the graphs of earlier scales hold the network's kernels in circles
        before += done
        if index + 1 < len(sizes):
            tile = _tile_of_next(scale, watch, settings, planned, network.params)
            if settings.draft and max(sizes[index]) <= settings.draft < max(sizes[index + 1]):
                draft = scale.picture(optimizer.picture)
            state = _next_state(optimizer, scale, sizes[index + 1], settings) | _carried(state, "restarts")


def _tile_of_next(
    scale: _Scale, watch: memory.Watch, settings: Settings, planned: plan.Sizes, params: Params
) -> int | None:
    """Choose the tiles of the next scale: as before, or smaller where this scale took far more than was planned."""
    base = plan.base_memory(settings, params)
    excess = watch.excess(plan.memory_of(settings, planned, params, scale.size, scale.tile) - base)
    if excess == 1:
        return scale.tile
    found = plan.tile(settings, planned, params, limit=base + (memory.limit(settings) - base) / excess)
    return scale.tile if found is None else min(found, scale.tile or found)


def _steps(
    optimizer: Optimizer, state: dict[str, np.ndarray], count: int
) -> Iterator[tuple[int, dict[str, float], str]]:
    """Make the steps of one scale, going back where the loss explodes or is no number; notes it in the state."""
    for done in range(int(state.get("steps", 0)) + 1, count + 1):
        terms = optimizer.step()
        total, first = terms["total"], float(state.setdefault("first", np.array(terms["total"])))
        note = ""
        if not np.isfinite(total) or total > EXPLODED * first > 0:
            restarts = int(state.get("restarts", 0)) + 1
            state["restarts"] = np.array(restarts)
            if restarts > RESTARTS or optimizer.done:
                raise FloatingPointError(
                    f"the loss is {total:g} after {done} steps at this scale, and going back has not helped: lower the "
                    "learning rate, or the weights do not suit these pictures"
                )
            optimizer.restart()
            note = f"the loss was {total:g}: back to the best picture of this scale with half the step"
        yield done, terms, note
        if optimizer.done:
            break


def _state_of(optimizer: Optimizer, others: State) -> State:
    return {**optimizer.state(), **others}


def _carried(state: dict[str, np.ndarray], *names: str) -> dict[str, np.ndarray]:
    return {name: state[name] for name in names if name in state}


def _next_state(optimizer: Optimizer, scale: _Scale, size: pyramid.Size, settings: Settings) -> dict[str, np.ndarray]:
    """Carry the picture and the optimiser's memory to the next scale."""
    image = resize(scale.picture(optimizer.picture), size, method=settings.resize)[np.newaxis] / 255
    smoothly = functools.partial(resample, size=size, resampling=Resampling.BILINEAR)
    return {"image": image, **enlarged(optimizer.state(), smoothly)}


class _Scale:
    """The pictures of one scale, and what is minimised there."""

    def __init__(
        self,
        inputs: Inputs,
        size: pyramid.Size,
        network: Network,
        settings: Settings,
        tile: int | None,
        watch: memory.Watch,
        kept: MutableMapping[Any, Any],
        draft: Picture | None,
    ) -> None:
        self._settings, self._inputs, self._network, self._draft = settings, inputs, network, draft
        self.tile, self._watch, self._said = tile, watch, list[str]()
        self.size = size
        self._keep = None if inputs.keep is None else resize_mask(inputs.keep, size)[..., np.newaxis]
        architecture = network.params.architecture
        self._styles = [
            resize(
                style,
                pyramid.style_size(style.shape[1], style.shape[0], size, settings, architecture),
                method=settings.resize,
            )
            for style in inputs.styles
        ]
        self._kept = kept
        self._evaluation: Evaluate | None = None

    def evaluate(self, pixels: Pixels) -> tuple[dict[str, Scalar], Any]:
        """Return the losses of a picture from 0 to 1, and the gradient of their total; first, compute the targets.

        Raises:
            MemoryError: It does not suffice for the smallest tiles either.
        """
        while True:
            try:
                self._evaluation = self._evaluation or self._bound()
                losses, gradient = self._evaluation(pixels)
            except (tf.errors.ResourceExhaustedError, MemoryError) as error:
                if not self._go_on_in_smaller_tiles("not enough memory"):
                    raise MemoryError("not enough memory for a picture of this size: lower the size") from error
                continue
            if self._watch.is_short():
                self._go_on_in_smaller_tiles("little memory left")
            return losses, gradient if self._draft is None else self._details(np.asarray(gradient)[0])[np.newaxis]

    def told(self) -> str:
        """Say, once, what was changed for want of memory."""
        said, self._said = "; ".join(self._said), []
        return said

    def _content(self) -> Picture:
        """Make the content picture anew, whenever it is needed: a large one is too large to be kept twice."""
        return resize(self._inputs.content, self.size, method=self._settings.resize)

    def _go_on_in_smaller_tiles(self, reason: str) -> bool:
        """Let tiles take half of the memory from now on, and note it; False where they cannot be smaller."""
        width, height = self.size
        largest = max([height * width, *(style.shape[0] * style.shape[1] for style in self._styles)])
        around = tiles.halo(self._network.params.architecture, self._settings.layers)
        if (side := tiles.smaller(largest, self.tile, around)) is None:
            return False
        self._evaluation, self.tile = None, side
        self._said.append(f"{reason}: going on in tiles of {side} pixels")
        return True

    def _bound(self) -> Evaluate:
        """Compute the targets, and bind the losses to them."""
        inputs, settings, (width, height) = self._inputs, self._settings, self.size
        style_masks = [
            None if mask is None else guides.regions([mask], style.shape[0], style.shape[1])[0]
            for mask, style in zip(inputs.style_masks, self._styles, strict=True)
        ]
        content = self._content()[np.newaxis]
        targets = make_targets(
            self._network,
            content if inputs.has_content and settings.content_weight else None,
            [style[np.newaxis] for style in self._styles] if settings.style_weight else [],
            settings,
            masks=guides.regions(inputs.masks, height, width) if inputs.masks and settings.style_weight else None,
            style_masks=style_masks if settings.style_weight else None,
            kept=self._kept,
            tile=self.tile,
        )
        return evaluation(
            self._network,
            targets,
            settings,
            height=height,
            width=width,
            kept=() if self._keep is None else Kept(self._keep[np.newaxis], content),
            tile=self.tile,
        )

    def first_state(self) -> dict[str, np.ndarray]:
        """Return the state of an optimiser that has done nothing yet."""
        settings = self._settings
        if not self._inputs.has_content and settings.init in ("blend", "add", "content"):
            settings = replace(settings, init="noise")
        style = self._styles[0] if self._styles else None
        image = pyramid.first_image(self._content(), style, settings, given=self._inputs.given)
        return {"image": image[np.newaxis] / 255}

    def picture(self, pixels: Pixels) -> Picture:
        """Bring an optimiser's picture to 0 to 255, in memory of its own, and back to the draft but for its details."""
        image: Picture = pixels[0].clip(0, 1)
        image *= 255
        if self._draft is None:
            return image
        image = self._details(image)
        image += resample(self._draft, self.size)
        return np.clip(image, 0, 255, out=image)

    def _details(self, image: np.ndarray) -> np.ndarray:
        """Return what a picture, or its gradient, loses when it is reduced to the draft."""
        assert self._draft is not None
        height, width, _ = self._draft.shape
        details: np.ndarray = image - resample(resample(image, (width, height)), self.size)
        return details

    def finish(self, pixels: Pixels) -> Picture:
        """Make a picture of 0 to 255 of an optimiser's, with what is kept and its colours."""
        image = self.picture(pixels)
        if self._settings.preserve_colors == "luminance":
            image = colors.keep_colors(image, self._content(), strength=self._settings.color_strength)
        if self._keep is not None:
            image = np.asarray(image + self._keep * (self._content() - image), np.float32)
        return image
