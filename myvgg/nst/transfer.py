"""The loop of a run: from a first picture, over the scales, to a stylised one."""

from __future__ import annotations

import functools
import gc
import math
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from PIL.Image import Resampling

from myvgg.images import Picture, resample, resize
from myvgg.loading import given_or_found
from myvgg.nst import memory, plan, pyramid
from myvgg.nst.criterion import Criterion
from myvgg.nst.encoder import Encoder
from myvgg.nst.evaluation import Evaluator
from myvgg.nst.inputs import Inputs, read_inputs
from myvgg.nst.laplacian import optimizer_of, parameters_of, shape_of
from myvgg.nst.objective import Objective
from myvgg.nst.optimizers import OPTIMIZERS, Optimizer, enlarged
from myvgg.nst.scale import Scale
from myvgg.nst.settings import Settings, given_settings
from myvgg.nst.stages import Losses
from myvgg.nst.state import AdamState, LBFGSState, Pixels, State
from myvgg.runtime.process import completed, uninterrupted


@dataclass(frozen=True, eq=False)
class Step:
    """One step of the optimisation.

    Attributes:
        iteration: Its number over all scales, from 1.
        iterations: Number of steps of all scales; L-BFGS may end earlier.
        scale: Number of its scale, from 1.
        scales: Number of scales.
        size: Width and height of this scale, in pixels.
        work: Pixels of all steps together, since a step at a large scale takes longer than one at a small scale.
        done: Pixels of the steps up to this one.
        losses: Of the picture before the step.
        note: What was done when something went wrong, otherwise empty.
    """

    iteration: int
    iterations: int
    scale: int
    scales: int
    size: pyramid.Size
    work: int
    done: int
    losses: Losses
    note: str
    _picture: Pixels = field(repr=False)
    _finish: Callable[[Pixels], Picture] = field(repr=False)
    _state: Callable[[], State] = field(repr=False)

    @property
    def image(self) -> Picture:
        """The result if this were the last step, R, G, B, 0 to 255, of the scale's size."""
        return self._finish(self._picture)

    def state(self) -> State:
        """Return the state from which `steps` goes on with equal results. It can be taken of the latest step only.

        Raises:
            RuntimeError: A later step of the same scale has been made.
        """
        return self._state()


@dataclass(frozen=True, eq=False)
class Run:
    """The fixed parts of a run.

    Attributes:
        inputs: The pictures.
        encoder: The network.
        settings: Of the run; those of a scale are `pyramid.settings_at`.
        picture_sizes: Of the given pictures.
        sizes: Of the scales.
        counts: Numbers of steps of the scales.
        cache: Statistics of style pictures, see `steps`.
        evaluators: Graphs by the settings that they are for.
    """

    inputs: Inputs
    encoder: Encoder
    settings: Settings
    picture_sizes: plan.Sizes
    sizes: list[pyramid.Size]
    counts: list[int]
    cache: MutableMapping[Any, Any]
    evaluators: dict[Settings, Evaluator] = field(default_factory=dict)

    def pixels(self, scales: int) -> int:
        """Count the pixels of all steps of the first scales."""
        return sum(count * math.prod(size) for count, size in zip(self.counts[:scales], self.sizes, strict=False))

    def draft(self, index: int) -> pyramid.Size | None:
        """Return the size of the draft that a scale only adds details to; None for a scale that may change all."""
        return pyramid.draft_of(self.sizes, index, self.settings)

    def has_begin(self, index: int) -> bool:
        """Tell whether a scale needs the result of the scale before."""
        return index > 0 and bool(self.settings.matched_layers or self.draft(index))

    def scale(self, index: int, state: State | None) -> Scale:
        """Bring the pictures to the size of a scale, at its first step or in a state of it."""
        settings = pyramid.settings_at(self.sizes, index, self.settings)
        decays = index - pyramid.is_last_pass(self.sizes, index, self.settings)
        weight = settings.content_weight * settings.content_decay**decays
        settings = replace(settings, content_weight=weight)
        begin = state.begin if state else None
        return Scale(self.inputs, self.sizes[index], self.encoder, settings, draft=self.draft(index), begin=begin)

    def objective(self, index: int, scale: Scale, tile: int | None, watch: memory.Watch) -> Objective:
        """Return the objective of a scale, in tiles of a side or whole."""
        settings = pyramid.settings_at(self.sizes, index, self.settings)
        if settings not in self.evaluators:
            self.evaluators[settings] = Evaluator(Criterion(self.encoder, settings))
        bind = functools.partial(scale.bind, evaluator=self.evaluators[settings], cache=self.cache)
        return Objective(bind, tile=tile, smaller=scale.smaller_tile, is_short=watch.is_short)


def steps(
    content: Any,
    style: Any,
    settings: Settings | None = None,
    *,
    params: Any = None,
    masks: Any = (),
    style_masks: Any = (),
    keep: Any = None,
    first: Any = None,
    state: State | None = None,
    cache: MutableMapping[Any, Any] | None = None,
) -> Iterator[Step]:
    """Give a picture the look of another, step by step.

    Pictures are paths, Pillow's pictures, or arrays R, G, B, 0 to 255, uint8 or floating point, (height, width, 3), or
    grey (height, width). Masks are paths, Pillow's pictures, or arrays (height, width), boolean, 0 to 1, or
    whole numbers from 0 to 255.

    Args:
        content: The picture that gives the arrangement. None makes a texture of the style.
        style: The picture that gives the look, of any size, or a list of them. None or an empty list reconstructs the
            content.
        settings: The settings of the run.
        params: The network's parameters, a `VGG19`, or an `Encoder` with the same settings. None takes the first file
            that is found, or else the bundled one.
        masks: One for each style: its place in the content. Without them, all styles are blended everywhere.
        style_masks: One for each style, or None: the part of the style that counts.
        keep: The part of the content that stays as it is.
        first: The first picture, in place of what `settings.init` names.
        state: The state of a `Step` of an earlier run with the same arguments, to go on from there. Its optimiser, its
            sizes and its number of steps are compared with the settings.
        cache: A dictionary that keeps statistics of style pictures for the next call with the same settings.

    Returns:
        The steps as they are made; the last one is the most advanced. Nothing is computed before the next one is asked
        for.

    Raises:
        ValueError: A picture or mask of the wrong shape, a number of masks or shares that does not go with the styles,
            a picture too small for the layers, or a state of other settings.
        ImageError: A file that cannot be read.
        WeightsError: There are no weights.
        FloatingPointError: While iterating: the loss is no number any more, and going back has not helped.
        MemoryError: While iterating.
        KeyboardInterrupt: While iterating. It waits until TensorFlow is done with the picture, or with the present
            tile. A step that is complete then is handed out, and the interruption is raised when the next one is asked
            for.

    Example:
        >>> from myvgg import nst
        >>> settings = nst.Settings(size=32, scales=1, iterations=2)
        >>> for step in nst.steps("examples/chelsea.jpg", "examples/waves.jpg", settings):
        ...     print(step.iteration, step.image.shape)
        1 (24, 32, 3)
        2 (24, 32, 3)
    """
    settings = given_settings(settings)
    if not isinstance(cache, MutableMapping | None):
        raise ValueError(f"cache must be a dictionary, not {cache!r}")
    inputs = read_inputs(content, style, settings, masks=masks, style_masks=style_masks, keep=keep, first=first)
    encoder = params if isinstance(params, Encoder) else None
    params = encoder.params if encoder else given_or_found(params)
    height, width, _ = inputs.content.shape
    sizes = pyramid.sizes(width, height, settings, params.architecture)
    for each in inputs.styles:
        pyramid.style_size(each.shape[1], each.shape[0], sizes[0], settings, params.architecture)
    with uninterrupted():
        encoder = encoder or Encoder(params, settings)
    settings = replace(settings, precision=encoder.precision)
    styles = [(each.shape[1], each.shape[0]) for each in inputs.styles]
    pictures = plan.Sizes((width, height) if inputs.has_content else None, styles, max(1, len(inputs.masks)))
    counts = pyramid.steps(sizes, settings)
    run = Run(inputs, encoder, settings, pictures, sizes, counts, {} if cache is None else cache)
    if state is not None:
        _check_state(state, run)
    return _steps(run, state)


def _check_state(state: State, run: Run) -> None:
    """Raise ValueError for a state that no run with these pictures and settings has."""
    kind = OPTIMIZERS[run.settings.optimizer][1]
    if not isinstance(state.optimizer, kind):
        raise ValueError(f"state must be of {run.settings.optimizer}, as the settings say, not {state!r}")
    if state.scale >= len(run.sizes):
        raise ValueError(f"state must be of one of {len(run.sizes)} scales, as the settings say, not {state!r}")
    width, height = run.sizes[state.scale]
    if state.optimizer.image.shape != shape_of(run.settings, run.sizes[state.scale]):
        found = state.optimizer.image.shape
        if run.settings.parameters == "pyramid":
            raise ValueError(f"state must have the pyramid of a picture of {width} x {height} pixels, not {found}")
        raise ValueError(f"state must have a picture of {width} x {height} pixels, not {found[2]} x {found[1]}")
    if state.optimizer.steps > run.counts[state.scale] or state.before > sum(run.counts[: state.scale]):
        raise ValueError(f"state must not have more steps than the settings, {run.counts} by scale: {state!r}")
    wanted = (1, height, width, 3) if run.has_begin(state.scale) else None
    if (found := None if state.begin is None else state.begin.shape) != wanted:
        raise ValueError(f"state must have the beginning of its scale, {wanted}, as the settings say, not {found}")


def _steps(run: Run, state: State | None) -> Iterator[Step]:
    """Go through the scales; each starts from the result of the one before."""
    with uninterrupted():
        gc.collect()  # the graphs of earlier runs hold the network's kernels in circles
    start = OPTIMIZERS[run.settings.optimizer][1]
    watch = memory.Watch(run.settings)
    for index in range(state.scale if state else 0, len(run.sizes)):
        with uninterrupted():
            scale = run.scale(index, state)
            if state is None:
                tile = plan.tile(run.settings, run.picture_sizes, run.encoder.params)
                state = State(start(parameters_of(scale.first_picture(), run.settings)), tile=tile)
            before, begin = state.before, state.begin
            objective = run.objective(index, scale, state.tile, watch)
            optimizer = optimizer_of(state.optimizer, run.settings, scale.size)
            state = None  # the optimiser has copied its arrays
        yield from _steps_of_scale(run, index, scale, objective, optimizer, before=before, begin=begin)
        if index + 1 < len(run.sizes):
            with uninterrupted():
                tile = _tile_of_next(run, index, objective.tile, watch)
                del objective  # with its targets, before the next scale's pictures are made
            state = _next(run, index, scale, optimizer, before=before + optimizer.steps, tile=tile)


def _steps_of_scale(
    run: Run,
    index: int,
    scale: Scale,
    objective: Objective,
    optimizer: Optimizer,
    *,
    before: int,
    begin: Pixels | None,
) -> Iterator[Step]:
    """Make the steps of a scale, after a number of steps of the scales before."""

    def make(pixels: Pixels) -> Step:
        losses, gradient = objective(pixels, optimizer.steps)
        note = optimizer.tell(losses.total, gradient)
        return Step(
            iteration=before + optimizer.steps,
            iterations=sum(run.counts),
            scale=index + 1,
            scales=len(run.sizes),
            size=scale.size,
            work=run.pixels(len(run.sizes)),
            done=run.pixels(index) + optimizer.steps * math.prod(scale.size),
            losses=losses,
            note="; ".join(filter(None, [*objective.notes(), note])),
            _picture=optimizer.picture,
            _finish=scale.finish,
            _state=functools.partial(_state_of, optimizer, optimizer.steps, objective.tile, index, before, begin),
        )

    while optimizer.steps < run.counts[index] and (pixels := optimizer.ask()) is not None:
        step, interrupt = completed(make, pixels)
        yield step  # also where Ctrl-C came: only the newest step has a state
        del step  # with its picture
        if interrupt:
            raise interrupt


def _state_of(
    optimizer: Optimizer,
    step: int,
    tile: int | None,
    scale: int,
    before: int,
    begin: Pixels | None,
) -> State:
    if optimizer.steps != step:
        raise RuntimeError("the state of a step must be taken before the next step is made")
    return State(optimizer.state(), scale, before, tile, begin)


def _next(run: Run, index: int, scale: Scale, optimizer: Optimizer, *, before: int, tile: int | None) -> State:
    """Return the state in which the scale after `index` begins, after a number of steps, in tiles or whole."""
    larger = resize(scale.picture(optimizer.picture), run.sizes[index + 1], method=run.settings.resize)
    begun = _next_optimizer(run, optimizer.state(), scale.with_details(larger)[np.newaxis] / 255)
    begin = larger[np.newaxis] / 255 if run.has_begin(index + 1) else None
    return State(begun, scale=index + 1, before=before, tile=tile, begin=begin)


def _next_optimizer(run: Run, state: AdamState | LBFGSState, image: Pixels) -> AdamState | LBFGSState:
    """Return the state in which an optimiser begins at the next scale. Moments of a pyramid begin anew."""
    if run.settings.parameters == "pyramid":
        assert isinstance(state, AdamState)
        return AdamState(parameters_of(image, run.settings), rate=state.rate, restarts=state.restarts)
    size = image.shape[2], image.shape[1]
    return enlarged(state, image, functools.partial(resample, size=size, resampling=Resampling.BILINEAR))


def _tile_of_next(run: Run, index: int, tile: int | None, watch: memory.Watch) -> int | None:
    """Choose the tiles of the next scale: as before, or smaller where this scale took far more than was planned."""
    pictures, params, used = run.picture_sizes, run.encoder.params, pyramid.settings_at(run.sizes, index, run.settings)
    planned = plan.memory_of(used, pictures, params, run.sizes[index], tile) - plan.base_memory(used, params)
    return plan.tile_after(run.settings, pictures, params, tile, excess=watch.excess(planned))
