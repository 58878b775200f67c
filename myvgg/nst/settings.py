"""Everything that can be set about a style transfer, in one record.

What one may write for a setting is normalised here and nowhere else: `style_layers` may be a mapping, a list of names
or the command line's `relu1_1=256,relu2_1=64`, and is a `Layers` afterwards.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from myvgg.architecture import CONFIGURATION_E

STARTS = ("blend", "add", "content", "noise", "style")
"""What `init` names; anything else is a file."""


def _number(name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be a number, not {value!r}") from error


class Layers(dict[str, float]):
    """Weights by layer, written `relu1_1=256,relu2_1=64`; a name alone weighs 1."""

    def __init__(self, layers: str | Iterable[str] | Mapping[str, float] = ()) -> None:
        """Read weights from text, names, or a mapping.

        Raises:
            ValueError: A weight that is no number, or a layer twice.
        """
        if isinstance(layers, Mapping):
            pairs = [(name, weight) for name, weight in layers.items()]
        else:
            names = layers.split(",") if isinstance(layers, str) else list(layers)
            split = [name.partition("=") for name in names if name.strip()]
            pairs = [(name.strip(), weight if equals else 1.0) for name, equals, weight in split]
        super().__init__(
            (CONFIGURATION_E.resolve(name), _number(f"weight of {name}", weight)) for name, weight in pairs
        )
        if len(self) < len(pairs):
            raise ValueError(f"a layer is named twice in {', '.join(name for name, _ in pairs)}")

    def __str__(self) -> str:
        return ",".join(f"{name}={weight:g}" for name, weight in self.items())

    @property
    def shares(self) -> dict[str, float]:
        """The layers that count, with weights that sum to one."""
        total = sum(self.values())
        return {name: weight / total for name, weight in self.items() if weight}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of a style transfer; `--help` shows the sentences below.

    Raises:
        ValueError: A value out of its range; names it and what is allowed.
    """

    size: int | str = 512
    """Size of the result: 512 is its longest side in pixels, 800x600 its width and height, 800x its width, x600 its
    height, 2MP its area in millions of pixels. But for 800x600, the content's aspect is kept."""

    iterations: int = 25
    """Steps at each scale; the first of several scales gets twice as many."""

    scales: int | None = None
    """How many scales, each the square root of two larger than the one before; by default as many as fit between
    min_size and size."""

    min_size: int = 128
    """Longest side of the smallest scale, at least."""

    draft: int | None = None
    """Longest side of a draft that larger scales only add details to: reduced to it, the picture stays about as it
    was. By default they may change everything."""

    seed: int = 0
    """Of the noise; the same seed gives the same picture."""

    content_weight: float = 0.35
    """Weight of the content loss."""

    style_weight: float = 1.0
    """Weight of the style loss."""

    tv_weight: float = 2.0
    """Weight of the total variation, which smooths."""

    style_strength: float = 1.0
    """Factor on the style weight: below 1 nearer to the content, above 1 nearer to the style."""

    content_layers: Layers = field(default_factory=lambda: Layers("relu4_2"))
    """Layers whose features hold the content, with their weights: relu4_2=1,relu3_1=0.5."""

    style_layers: Layers = field(default_factory=lambda: Layers("relu1_1=16,relu2_1=8,relu3_1=4,relu4_1=2,relu5_1=1"))
    """Layers whose statistics hold the style, with their weights."""

    style_loss: Literal["wasserstein", "gram", "gram+mean"] = "wasserstein"
    """How the statistics of a layer are compared: the distance of Gaussians, Gram matrices, or these and means."""

    balance: bool = True
    """Measure the style loss in units of what it is for the content picture, so that one content weight suits strong
    and weak styles."""

    layer_scaling: Literal["rms", "none"] = "rms"
    """Whether each layer's features are divided by their root mean square on natural pictures."""

    tv: Literal["l2", "l1"] = "l2"
    """What the total variation sums: squared or absolute differences of neighbours."""

    tv_sum: bool = False
    """Sum the total variation as older programs do, in place of averaging it, so that it grows with the picture."""

    pooling: Literal["max", "avg"] = "max"
    """Pooling of the network: max, as it was trained, or avg, as Gatys et al. preferred."""

    pool_padding: Literal["valid", "same"] = "valid"
    """What pools do with an odd last row or column: drop it (valid) or keep it (same)."""

    padding: Literal["replicate", "zero"] = "replicate"
    """What lies beyond the picture's borders for the first convolution."""

    preprocessing: Literal["vgg", "torchvision", "unit"] = "vgg"
    """The network's input: B, G, R less the training mean (vgg), less torchvision's mean (torchvision), or R, G, B from
    0 to 1 as some programs feed it (unit)."""

    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """What convolutions compute in; auto takes bfloat16 where a short measurement finds it faster than float32."""

    max_memory: float | None = None
    """Gigabytes that the run may take; a picture that needs more is computed in tiles, exactly, with more work. By
    default two thirds of what the machine has."""

    optimizer: Literal["adam", "lbfgs"] = "adam"
    """Adam, or L-BFGS."""

    learning_rate: float = 0.04
    """Length of Adam's first steps, for pixels from 0 to 1."""

    beta1: float = 0.9
    """Adam's memory of gradients."""

    beta2: float = 0.99
    """Adam's memory of squared gradients."""

    epsilon: float = 1e-12
    """Added to Adam's denominator, for pixels from 0 to 1."""

    history: int = 10
    """Pairs that L-BFGS keeps."""

    clip: Literal["step", "end"] = "step"
    """When pixels are brought back into their range."""

    average: float = 0.9
    """Decay of the average over the steps of a scale that is the result; 0 takes the last step."""

    init: str = "blend"
    """The first image: blend (of noise and content), add (noise to the content), content, noise, style, or a file."""

    noise: float = 0.4
    """Share of noise in a blend."""

    noise_range: float = 127.5
    """The noise is uniform and deviates by up to so many levels of 0 to 255."""

    style_scale: float = 1.0
    """Size of the style picture beside the scale's: above 1 the strokes get larger. It is never enlarged."""

    style_size: int | str | None = None
    """A size of its own for the style picture at every scale, written as size; it may enlarge."""

    style_blend: tuple[float, ...] = ()
    """Shares of several style pictures; by default they are equal."""

    preserve_colors: Literal["none", "luminance", "match", "histogram"] = "none"
    """Keep the content's colours: take only the result's luminance, or match the style picture's colours beforehand,
    their mean and covariance (match) or their histograms."""

    color_strength: float = 1.0
    """How far colours are preserved, from 0 to 1."""

    color_root: Literal["symmetric", "cholesky"] = "symmetric"
    """Root of the covariances that match uses."""

    resize: Literal["antialias", "bilinear", "cubic"] = "antialias"
    """How pictures are scaled; bilinear and cubic do as older programs do, without antialiasing, and cut off fractions
    of pixels."""

    def __post_init__(self) -> None:
        for name in ("content_layers", "style_layers"):
            object.__setattr__(self, name, _layers(name, getattr(self, name)))
        object.__setattr__(self, "style_blend", tuple(self.style_blend))
        _check_choices(self)
        for name, smallest in _WHOLE.items():
            _check_whole(name, getattr(self, name), smallest, optional=name in ("scales", "draft"))
        for name in (*_NOT_NEGATIVE, *_SHARES):
            limit = 1.0 if name in _SHARES else math.inf
            if not (0 <= _number(name, getattr(self, name)) <= limit and getattr(self, name) < math.inf):
                allowed = "from 0 to 1" if name in _SHARES else "a number from 0 on"
                raise ValueError(f"{name} must be {allowed}, not {getattr(self, name)}")
        for name in ("beta1", "beta2", "average"):
            if getattr(self, name) == 1:
                raise ValueError(f"{name} must be below 1")
        if self.max_memory is not None and not 0 < _number("max_memory", self.max_memory) < math.inf:
            raise ValueError(f"max_memory must be a number of gigabytes above 0, not {self.max_memory}")
        if self.style_scale == 0:
            raise ValueError("style_scale must be above 0")
        parse_size("size", self.size)
        if self.style_size is not None:
            parse_size("style_size", self.style_size)
        if any(not 0 <= share < math.inf for share in self.style_blend) or (
            self.style_blend and not sum(self.style_blend)
        ):
            raise ValueError(f"style_blend must be shares from 0 on, not all 0, not {self.style_blend}")
        if not any(self.content_layers.values()) and not any(self.style_layers.values()):
            raise ValueError("content_layers and style_layers must not both be empty")
        if self.content_weight == self.style_weight * self.style_strength == self.tv_weight == 0:
            raise ValueError("content_weight, style_weight and tv_weight must not all be 0")

    @property
    def layers(self) -> list[str]:
        """All layers that count."""
        return list(dict.fromkeys([*self.content_layers.shares, *self.style_layers.shares]))


_WHOLE = {"iterations": 1, "scales": 1, "min_size": 1, "draft": 1, "seed": 0, "history": 1}
_NOT_NEGATIVE = (
    *("content_weight", "style_weight", "tv_weight", "style_strength", "learning_rate", "epsilon"),
    *("noise_range", "style_scale"),
)
_SHARES = ("noise", "beta1", "beta2", "average", "color_strength")


def parse_size(name: str, size: int | str) -> tuple[str, tuple[float, ...]]:
    """Read what `size` says.

    Returns:
        What is set, `longest`, `exact`, `width`, `height` or `area`, and its numbers: ("exact", (800, 600)).

    Raises:
        ValueError: Not a size, or not above 0; names the parameter.
    """
    text = str(size).strip()
    patterns = {
        "longest": r"(\d+)",
        "exact": r"(\d+)x(\d+)",
        "width": r"(\d+)x",
        "height": r"x(\d+)",
        "area": r"(\d+\.?\d*|\.\d+)MP",
    }
    for kind, pattern in patterns.items():
        if isinstance(size, int | str) and not isinstance(size, bool) and (match := re.fullmatch(pattern, text, re.I)):
            numbers = tuple(float(number) for number in match.groups())
            if min(numbers) > 0:
                return kind, numbers
    raise ValueError(f"{name} must be like 512, 800x600, 800x, x600 or 2MP, and above 0, not {size!r}")


def _layers(name: str, given: Any) -> Layers:
    try:
        layers = Layers(given)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from error
    usable = CONFIGURATION_E.layer_names(include_top=False)
    for layer, weight in layers.items():
        if layer not in usable:
            raise ValueError(f"{name} must be convolutions, rectifications or pools, not {layer!r}")
        if not 0 <= weight < math.inf:
            raise ValueError(f"{name}: the weight of {layer} must be a number from 0 on, not {weight}")
    if layers and not sum(layers.values()):
        raise ValueError(f"{name}: the weights are all 0")
    return layers


def _check_choices(settings: Settings) -> None:
    for name, hint in get_type_hints(Settings).items():
        if get_origin(hint) is Literal and getattr(settings, name) not in get_args(hint):
            *choices, last = get_args(hint)
            raise ValueError(f"{name} must be {', '.join(choices)} or {last}, not {getattr(settings, name)!r}")


def _check_whole(name: str, value: Any, smallest: int, *, optional: bool) -> None:
    if value is None and optional:
        return
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{name} must be a whole number, not {value!r}")
    if value < smallest:
        raise ValueError(f"{name} must be at least {smallest}, not {value}")


SETTINGS = tuple(each.name for each in fields(Settings))
"""The names of all settings."""
