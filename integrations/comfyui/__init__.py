"""Style transfer of myvgg as a node of ComfyUI, of which nothing is imported."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from myvgg import Params, loading, nst
from myvgg.nst import presets


class StyleTransfer:
    """A node that gives pictures the look of others."""

    DESCRIPTION = "Neural style transfer with VGG19: the content's things in the style's colours and strokes."
    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "stylize"
    CATEGORY = "image/style transfer"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, tuple[Any, ...]]]:  # noqa: N802
        """List the inputs; pictures are (batch, height, width, 3), masks (batch, height, width), both from 0 to 1."""
        default = nst.Settings()
        strength = {"default": default.style_strength, "min": 0.0, "max": 100.0, "step": 0.05}
        return {
            "required": {
                "content": ("IMAGE",),
                "style": ("IMAGE", {"tooltip": "One picture for all contents, or one for each."}),
                "preset": (sorted(presets.names(), key=lambda name: name != "default"), {"default": "default"}),
                "size": ("INT", {"default": default.size, "min": 32, "max": 16384, "tooltip": "Longest side."}),
                "strength": ("FLOAT", strength),
                "steps": ("INT", {"default": 0, "min": 0, "max": 10000, "tooltip": "Of the last scale; 0: preset."}),
            },
            "optional": {"mask": ("MASK", {"tooltip": "White: the content stays as it is."})},
        }

    def stylize(
        self, content: Tensor, style: Tensor, preset: str, size: int, strength: float, steps: int, mask: Any = None
    ) -> tuple[Tensor]:
        """Give each content the look of its style.

        Raises:
            ValueError: The number of styles or masks is neither one nor that of the contents.
        """
        changes = {"size": size, "style_strength": strength} | ({"iterations": steps} if steps else {})
        settings = nst.Settings.preset(preset, **changes)
        count, cache = len(content), dict[Any, Any]()  # some nodes give an alpha channel too, which is left out
        styles = [each * 255 for each in _one_for_each("style", style[..., :3], 4, count)]
        masks = [np.zeros((1, 1))] * count if mask is None else _one_for_each("mask", mask, 3, count)
        keeps = [each if each.any() else None for each in masks]  # ComfyUI has black masks for no masks
        inputs = zip(_arrays(content[..., :3]) * 255, styles, keeps, strict=True)
        runs = [nst.steps(a, b, settings, params=_params(), keep=keep, cache=cache) for a, b, keep in inputs]
        show, made = _progress(), list[Tensor]()
        for index, run in enumerate(runs):  # all inputs are checked by now
            for step in run:
                show(index * step.work + step.done, count * step.work)
            show((index + 1) * step.work, count * step.work)  # L-BFGS may end earlier
            made.append(torch.from_numpy(step.image / 255))
        return (torch.stack(made).to(content.device),)


@functools.cache
def _params() -> Params:
    return loading.load_params(include_top=False, bundled_first=True)


def _arrays(tensor: Tensor) -> np.ndarray:
    return np.asarray(tensor.detach().cpu().float().clamp(0, 1))


def _one_for_each(name: str, tensor: Tensor, dimensions: int, count: int) -> list[np.ndarray]:
    arrays = _arrays(tensor if tensor.ndim == dimensions else tensor[None])
    if len(arrays) not in (1, count):
        raise ValueError(f"{name} must have one picture, or {count} as content has, not {len(arrays)}")
    return list(np.broadcast_to(arrays, (count, *arrays.shape[1:])))


def _progress() -> Callable[[int, int], None]:
    """Return a function of done and total work: ComfyUI shows them, and raises there if the user has stopped it."""
    utils, management = sys.modules.get("comfy.utils"), sys.modules.get("comfy.model_management")
    bar = utils.ProgressBar(1) if utils else None

    def show(done: int, total: int) -> None:
        if management:
            management.throw_exception_if_processing_interrupted()
        if bar:
            bar.update_absolute(done, total)

    return show


NODE_CLASS_MAPPINGS = {"MyvggStyleTransfer": StyleTransfer}
NODE_DISPLAY_NAME_MAPPINGS = {"MyvggStyleTransfer": "Style transfer (myvgg)"}
