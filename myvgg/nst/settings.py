"""All settings of a style transfer, in one record.

A setting may be written in several ways, and is read here and nowhere else: `style_layers` may be a mapping, a list of
names or the command line's `relu1_1=256,relu2_1=64`, and is a `Layers` afterwards.

The docstring below a field is its documentation, and its help on the command line too. `GROUPS` and `WITHOUT` say the
rest of the help. Nothing here imports NumPy, TensorFlow or Pillow, so that the help comes at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import Any, Literal, get_type_hints

from myvgg.architecture import CONFIGURATION_E
from myvgg.nst import presets, ranges
from myvgg.nst.layers import LARGEST_WEIGHT, Layers
from myvgg.runtime.errors import did_you_mean

__all__ = ["GROUPS", "SETTINGS", "STARTS", "WITHOUT", "Layers", "Settings"]

STARTS = ("blend", "add", "content", "blur", "edges", "noise", "style")
"""Names that `init` may have; any other value is a file."""

CONTENT_ABOVE_DRAFT = 4.0
"""Factor of the content weight where `detail_layers` are compared. Maps of a shallow layer differ less from the
content's, so that they need more weight to keep as much of its arrangement as relu4_2 does."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of a style transfer; `myvgg style --help` lists them in groups.

    Raises:
        ValueError: A value that is not allowed; names the setting, the value and the allowed values.
    """

    size: int | str = 512
    """Size of the result: 512 is the longest side in pixels, 800x600 width and height, 800x the width, x600 the height,
    2MP the area in millions of pixels. The result has the content's aspect, except for 800x600."""

    iterations: int = 8
    """Number of steps at the last scale. step_growth and first_steps tell the numbers of the others; last_pass has
    its own."""

    step_growth: float = 0.85
    """Number of steps at a scale relative to the scale before it. Below 1, small scales, whose steps are cheap, get
    more."""

    last_pass: int = 0
    """Number of steps after the last scale, at its size, with the style loss split. Above a draft, they only add
    details as well."""

    first_steps: float = 1.5
    """Factor of the number of steps at the first of several scales."""

    scales: int | None = None
    """Number of scales. By default there are as many as fit between the smallest size and the size of the result."""

    scale_ratio: float = 2**0.5
    """Size of a scale relative to the scale before it."""

    min_size: int = 128
    """Longest side of the smallest scale in pixels, at least."""

    draft: int | None = None
    """Longest side of a draft in pixels. The scale nearest to it that is smaller than the result is the draft, and
    larger scales only add details: the picture, reduced to the draft's size, stays about the same. By default, and
    where the result is not larger than the draft, all scales may change everything."""

    detail_layers: Layers = field(default_factory=Layers)
    """Style layers of the scales above the draft, with their weights, such as relu1_1=8,relu2_1=8,relu3_1=4. These
    scales compare statistics of these layers, without matching and without samples. Where content_loss is difference,
    the deepest of these layers is compared with the content, with four times content_weight; for self-similarity, no
    layer is. By default, these scales compare what all scales compare. A last pass compares its own layers."""

    seed: int = 0
    """Seed of the noise. The same seed gives the same picture."""

    content_weight: float = 0.22
    """Weight of the content loss."""

    content_decay: float = 1.0
    """Factor of the content weight from one scale to the next."""

    style_weight: float = 1.0
    """Weight of the style loss."""

    tv_weight: float = 1.0
    """Weight of the total variation, which smooths the picture."""

    style_strength: float = 1.0
    """Factor on the style weight. Below 1 the result is closer to the content, above 1 closer to the style."""

    content_details: float = 0.0
    """Share of the content's details that the scale before was too small for. They are added to the picture that each
    scale but the first begins with, where there is a style. The first scale above a draft keeps a part of them."""

    content_layers: Layers = field(default_factory=lambda: Layers("relu4_2"))
    """Layers whose features hold the content, with their weights, such as relu4_2=1,relu3_1=0.5."""

    style_layers: Layers = field(default_factory=lambda: Layers("relu1_1=8,relu2_1=8,relu3_1=4,relu4_1=2"))
    """Layers whose statistics hold the style, with their weights."""

    style_loss: Literal["wasserstein", "gram", "gram+mean", "neighbors", "wasserstein+neighbors", "remd", "split"] = (
        "wasserstein+neighbors"
    )
    """Distance from the style. Statistics of each layer: between Gaussians (wasserstein), between Gram matrices (gram),
    between Gram matrices and means (gram+mean). Matching: between each place and the place of the style that is most
    like it (neighbors); the same with Gaussians beside it (wasserstein+neighbors). Random samples of places: STROTSS'
    relaxed earth mover's distance (remd); matching in each layer by itself, anew at each step (split). Samples come
    from match_layers, not from style_layers."""

    match_layers: Layers = field(default_factory=lambda: Layers("relu3_1=2,relu4_1=1"))
    """Layers whose features find the place of the style that a place of the picture is most like, with their
    weights. Where places are sampled (remd, split, self-similarity), these layers are compared."""

    match_weight: float = 0.5
    """Weight of the matching (neighbors) within the style loss."""

    match_progress: float = 0.25
    """Share of the picture so far in the picture that is matched, from 0 to 1. The rest is the content. At the first
    scale, the content alone is matched."""

    content_loss: Literal["difference", "self-similarity"] = "difference"
    """Distance from the content: of the features at each place (difference), or of how alike the places of a picture
    are to each other (self-similarity)."""

    balance: bool = True
    """Divide the statistics of the style loss by their value for the content picture, so that one content weight suits
    strong and weak styles. The matching is not divided."""

    layer_scaling: Literal["rms", "none"] = "rms"
    """Divide the features of each layer by their root mean square on photographs (rms), or leave them (none)."""

    tv: Literal["l2", "l1"] = "l2"
    """Total variation of squared (l2) or absolute (l1) differences between neighbours."""

    tv_sum: bool = False
    """Sum the total variation over the pixels, as older programs do, so that it grows with the picture."""

    pooling: Literal["max", "avg"] = "max"
    """Pooling of the network: max, as in its training, or avg, as Gatys et al. preferred."""

    pool_padding: Literal["valid", "same"] = "valid"
    """Odd last rows and columns in pools: drop them (valid), or keep them (same)."""

    padding: Literal["replicate", "zero"] = "replicate"
    """Pixels beyond the borders of the picture for the first convolution: those of the border, or zeros."""

    preprocessing: Literal["vgg", "torchvision", "unit"] = "vgg"
    """Input of the network: B, G, R less the mean of the training pictures (vgg), less torchvision's mean
    (torchvision), or R, G, B from 0 to 1, as some programs feed it (unit)."""

    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Precision of the convolutions. auto takes bfloat16 where the processor has instructions for it; where that is not
    known, a short measurement decides."""

    max_memory: float | None = None
    """Memory that the run is planned to take at most, in gigabytes. A larger run computes in tiles, with the same
    result and more work. Up to a quarter more than planned was measured. By default two thirds of the machine's
    memory."""

    optimizer: Literal["adam", "lbfgs"] = "adam"
    """Adam, or L-BFGS."""

    parameters: Literal["pixels", "pyramid"] = "pixels"
    """Numbers that Adam moves: the pixels, or the levels of a Laplacian pyramid of the picture, whose coarse levels
    move many pixels at once."""

    pyramid_levels: int = 5
    """Number of times that the pyramid halves the picture."""

    learning_rate: float = 0.06
    """Length of Adam's first steps, for pixels from 0 to 1."""

    beta1: float = 0.8
    """Decay of Adam's average of the gradients."""

    beta2: float = 0.99
    """Decay of Adam's average of the squared gradients."""

    epsilon: float = 1e-12
    """Number that is added to Adam's denominator, for pixels from 0 to 1."""

    history: int = 10
    """Number of earlier steps that L-BFGS keeps."""

    clip: Literal["step", "end"] = "step"
    """Bring the pixels back into their range after each step, or at the end. A pyramid's pixels come back at the
    end."""

    average: float = 0.5
    """Decay of the average over the steps of a scale. The average is the result; 0 takes the last step."""

    init: str = "blend"
    """First picture: blend (of noise and content), add (noise to the content), content, blur (the content without
    details), edges (the content's finest details on the style's mean colour), noise, style, or a file."""

    noise: float = 0.4
    """Share of the noise in a blend, from 0 to 1."""

    noise_range: float = 127.5
    """Largest value of the noise, which is uniform around 0, in levels of 0 to 255."""

    style_scale: float = 1.0
    """Size of the style picture relative to the result. Above 1 the brush strokes get larger. A style picture
    with too few pixels is not enlarged."""

    style_size: int | str | None = None
    """Size of the style picture at every scale, written as the size of the result. The style picture may be enlarged.
    By default the size follows the scale."""

    style_blend: tuple[float, ...] = ()
    """Shares of the style pictures, one number each. By default the shares are equal."""

    preserve_colors: Literal["none", "luminance", "match", "histogram", "transfer"] = "none"
    """Keep the colours of the content: take only the luminance of the result (luminance), or first give the style
    picture the content's mean and covariance of colours (match) or histograms (histogram). Or give the result the
    content's colours, moved to the style's palette (transfer)."""

    color_strength: float = 1.0
    """Strength with which colours are preserved, from 0 to 1."""

    color_root: Literal["symmetric", "cholesky"] = "symmetric"
    """Root of the covariances of colours, for match."""

    resize: Literal["antialias", "bilinear", "cubic"] = "antialias"
    """Filter that resizes pictures. bilinear and cubic are those of older programs: without antialiasing, and fractions
    of a pixel are cut off."""

    def __post_init__(self) -> None:
        for name, hint in get_type_hints(Settings).items():
            object.__setattr__(self, name, ranges.as_type(name, hint, ranges.plain(getattr(self, name))))
        ranges.check(self)

    @classmethod
    def preset(cls, name: str, **changes: Any) -> Settings:
        """Return the settings of a preset.

        Args:
            name: Such as `default`, `draft`, `print`, `gatys`; docs/presets.md describes all.
            **changes: Settings that take the place of the preset's.

        Raises:
            ValueError: An unknown preset or setting (names the nearest), or a value that is not allowed.

        Example:
            >>> from myvgg import nst
            >>> nst.Settings.preset("gatys", size=256).optimizer
            'lbfgs'
        """
        if name not in (known := presets.names()):
            raise ValueError(f"no preset {name!r}{did_you_mean(name, known)}; there are {', '.join(known)}")
        return cls().with_values(presets.table(name)).with_values(changes)

    def with_values(self, table: Mapping[str, Any]) -> Settings:
        """Return these settings with other values.

        Args:
            table: Values by name, in TOML's types. The name `preset` stands for all settings of a preset.

        Raises:
            ValueError: An unknown name (names the nearest), or a value of the wrong type or out of its range.

        Example:
            >>> from myvgg import nst
            >>> nst.Settings().with_values({"preset": "gatys", "size": 256}).size
            256
        """
        if not isinstance(table, Mapping):
            raise ValueError(f"table must be a mapping of settings, not {table!r}")
        changes, base = dict(table), self
        if "preset" in changes:
            base = self.preset(str(changes.pop("preset")))
        for name, value in changes.items():
            if name not in SETTINGS:
                raise ValueError(f"no setting {name!r}{did_you_mean(name, ('preset', *SETTINGS))}")
            changes[name] = ranges.as_type(name, get_type_hints(Settings)[name], value)
        return replace(base, **changes)

    def blend_shares(self, styles: int) -> list[float]:
        """Return the shares of a number of style pictures in their blend, which sum to one.

        Args:
            styles: How many; `style_blend` has as many numbers, or none.

        Example:
            >>> from myvgg import nst
            >>> nst.Settings(style_blend=(3.0, 1.0)).blend_shares(2), nst.Settings().blend_shares(2)
            ([0.75, 0.25], [0.5, 0.5])
        """
        given = self.style_blend or (1.0,) * styles
        return [share / sum(given) for share in given]

    @property
    def samples_styles(self) -> bool:
        """True where single positions of the styles are compared."""
        return self.style_loss in ("remd", "split")

    @property
    def statistic(self) -> str:
        """The part of the style loss that compares statistics, a name of `criterion.LOSSES`; empty for none."""
        if self.samples_styles:
            return ""
        return self.style_loss.removesuffix("neighbors").removesuffix("+")

    @property
    def moment_layers(self) -> Mapping[str, float]:
        """Shares of the layers whose statistics are compared."""
        return self.style_layers.shares if self.statistic else {}

    @property
    def matched_layers(self) -> Mapping[str, float]:
        """Shares of the layers whose features are matched."""
        return self.match_layers.shares if self.style_loss.endswith("neighbors") else {}

    @property
    def compared_layers(self) -> Mapping[str, float]:
        """Shares of the layers whose features are compared with the content's at each place."""
        return self.content_layers.shares if self.content_loss == "difference" else {}

    @property
    def sampled_layers(self) -> Mapping[str, float]:
        """Shares of the layers whose features are sampled at single positions."""
        is_sampled = self.samples_styles or self.content_loss == "self-similarity"
        return self.match_layers.shares if is_sampled else {}

    @property
    def has_style_loss(self) -> bool:
        """True where a style picture is compared."""
        is_matched = self.matched_layers and self.match_weight
        is_compared = self.moment_layers or is_matched or self.samples_styles
        return bool(is_compared and self.style_weight and self.style_strength)

    @property
    def has_content_loss(self) -> bool:
        """True where a content picture is compared."""
        return bool(self.content_weight and (self.compared_layers or self.content_loss == "self-similarity"))

    @property
    def of_last_pass(self) -> Settings:
        """The settings of the last pass."""
        return replace(self, style_loss="split")

    @property
    def above_draft(self) -> Settings:
        """The settings above a draft: those of `detail_layers`, or these settings where there are none."""
        if not self.detail_layers:
            return self
        layers = self.detail_layers
        changes = {
            "style_layers": layers,
            "style_loss": self.statistic or "wasserstein",
            "content_layers": CONFIGURATION_E.deepest(layers.shares) if self.compared_layers else "",
            "content_weight": min(CONTENT_ABOVE_DRAFT * self.content_weight, LARGEST_WEIGHT),
            "content_loss": "difference",
        }
        return self.with_values(changes)

    @property
    def layers(self) -> list[str]:
        """All layers whose weight is not 0."""
        single = [*self.matched_layers, *self.sampled_layers, *(self.match_layers.shares if self.last_pass else ())]
        details = self.detail_layers.shares if self.draft else ()
        return list(dict.fromkeys([*self.compared_layers, *self.moment_layers, *single, *details]))

    def __repr__(self) -> str:
        """Name the settings that differ from the default."""
        values = ((each.name, getattr(self, each.name), each) for each in fields(self))
        changed = [
            f"{name}={str(value) if isinstance(value, Layers) else value!r}"
            for name, value, each in values
            if value != (each.default_factory() if each.default_factory is not MISSING else each.default)
        ]
        return f"Settings({', '.join(changed)})"


def given_settings(settings: Any) -> Settings:
    """Return settings as they are given, or the default for None.

    Raises:
        ValueError: Something else, such as the name of a preset.
    """
    if settings is None:
        return Settings()
    if not isinstance(settings, Settings):
        raise ValueError(f"settings must be Settings, such as Settings.preset('gatys'), not {settings!r}")
    return settings


SETTINGS = tuple(each.name for each in fields(Settings))
"""Names of all settings."""

GROUPS: dict[str, tuple[str, ...]] = {
    "most used": ("size", "style_strength", "preserve_colors", "seed"),
    "look": ("tv_weight", "color_strength", "color_root", "style_scale", "style_size", "init", "noise", "noise_range"),
    "control": ("style_blend",),
    "running": (
        *("iterations", "step_growth", "first_steps", "last_pass", "scales", "scale_ratio", "min_size", "draft"),
        *("precision", "max_memory"),
    ),
    "advanced objective": (
        *(
            "content_weight",
            "content_decay",
            "content_details",
            "style_weight",
            "content_layers",
            "style_layers",
            "content_loss",
            "style_loss",
            "balance",
        ),
        *("match_layers", "match_weight", "match_progress", "detail_layers"),
        *("layer_scaling", "tv", "tv_sum", "pooling", "pool_padding", "padding", "preprocessing", "resize"),
    ),
    "advanced optimiser": (
        *("optimizer", "learning_rate", "beta1", "beta2", "epsilon", "history", "clip", "average"),
        *("parameters", "pyramid_levels"),
    ),
}
"""All settings by what they are about, in the order of the help."""

WITHOUT = {
    "balance": "Take the style loss as it is, so that strong styles count more than weak ones.",
    "tv_sum": "Average the total variation over the pixels, so that its weight suits every size.",
}
"""Help of the settings that are true or false, for false."""
