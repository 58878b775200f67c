"""The node of ComfyUI against the interface that ComfyUI documents, with a stand-in for its module `comfy`."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from myvgg import Params, nst

torch = pytest.importorskip("torch", reason="needs torch, as ComfyUI does")

FOLDER = Path(__file__).parents[2] / "integrations" / "comfyui"


class Interrupted(Exception):  # noqa: N818 its name in ComfyUI is similar
    """The exception by which ComfyUI ends a node that its user has stopped."""


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch, tiny_params: Params) -> ModuleType:
    """The folder, imported by its path like ComfyUI does, with a tiny network."""
    specification = importlib.util.spec_from_file_location("custom_nodes_myvgg", FOLDER / "__init__.py")
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    monkeypatch.setattr(module, "_params", lambda: tiny_params)
    return module


@pytest.fixture
def node(package: ModuleType) -> Any:
    """A node as ComfyUI makes it."""
    return package.NODE_CLASS_MAPPINGS["MyvggStyleTransfer"]()


@pytest.fixture
def comfy(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A stand-in for `comfy.utils` and `comfy.model_management`: it records progress, and stops after `left` calls."""
    seen = SimpleNamespace(progress=[], left=1000)

    class ProgressBar:
        def __init__(self, total: int) -> None:
            self.total = total

        def update_absolute(self, value: int, total: int | None = None, preview: object = None) -> None:
            self.total = total or self.total
            seen.progress.append((value, self.total))

    def throw_exception_if_processing_interrupted() -> None:
        seen.left -= 1
        if seen.left < 0:
            raise Interrupted

    management = SimpleNamespace(throw_exception_if_processing_interrupted=throw_exception_if_processing_interrupted)
    monkeypatch.setitem(sys.modules, "comfy.utils", SimpleNamespace(ProgressBar=ProgressBar))  # type: ignore[misc]
    monkeypatch.setitem(sys.modules, "comfy.model_management", management)  # type: ignore[misc]
    return seen


def pictures(count: int, height: int = 32, width: int = 48, *, seed: int = 0) -> Any:
    """Draw pictures of noise as ComfyUI has them."""
    return torch.from_numpy(np.random.default_rng(seed).random((count, height, width, 3), np.float32))


def call(node: Any, content: Any, style: Any, mask: Any = None, **changes: Any) -> Any:
    """Call the node by its declared function with its inputs by name, small, and return its one output."""
    inputs = {"preset": "default", "size": 48, "strength": 1.0, "steps": 1} | changes
    (made,) = getattr(node, node.FUNCTION)(
        content=content, style=style, **inputs, **({} if mask is None else {"mask": mask})
    )
    return made


def test_the_node_declares_itself(package: ModuleType, node: Any) -> None:
    """Its attributes have the types that ComfyUI reads, and its inputs are the arguments of its function."""
    assert package.NODE_DISPLAY_NAME_MAPPINGS.keys() == package.NODE_CLASS_MAPPINGS.keys()
    assert node.RETURN_TYPES == ("IMAGE",)
    assert isinstance(node.CATEGORY, str)
    inputs = type(node).INPUT_TYPES()
    kinds = {name: kind for group in ("required", "optional") for name, (kind, *_) in inputs[group].items()}
    presets = kinds.pop("preset")
    assert kinds == {
        "content": "IMAGE",
        "style": "IMAGE",
        "size": "INT",
        "strength": "FLOAT",
        "steps": "INT",
        "mask": "MASK",
    }
    assert inputs["required"]["size"][1]["default"] == nst.Settings().size
    assert set(presets) == set(nst.presets.names())
    assert presets[0] == inputs["required"]["preset"][1]["default"] == "default"
    assert len((FOLDER / "__init__.py").read_text().splitlines()) <= 100


def test_nothing_of_comfyui_is_imported(node: Any, comfy: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ComfyUI, the node makes its picture all the same; an import of `comfy` would fail here."""
    for name in ("comfy.utils", "comfy.model_management"):
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "comfy", None)  # type: ignore[arg-type]
    assert call(node, pictures(1), pictures(1, seed=1)).shape == (1, 32, 48, 3)


@pytest.mark.slow
def test_a_batch_has_the_pictures_of_its_parts(node: Any, tiny_params: Params) -> None:
    """Tensors of the content's batch, type and range come out, and equal what the library makes of each picture."""
    content, style = pictures(2), pictures(2, seed=1)
    made = call(node, content, style, strength=2.0)
    assert (made.dtype, tuple(made.shape), made.device) == (torch.float32, (2, 32, 48, 3), content.device)
    assert 0 <= float(made.min()) < float(made.max()) <= 1
    for index in range(2):
        settings = nst.Settings(size=48, iterations=1, style_strength=2.0)
        *_, last = nst.steps(content[index].numpy() * 255, style[index].numpy() * 255, settings, params=tiny_params)
        assert np.abs(made[index].numpy() * 255 - last.image).max() < 0.1


@pytest.mark.slow
def test_one_style_serves_all_contents(node: Any) -> None:
    """One style picture is the same as that picture for each content; another number is refused."""
    content, style = pictures(2), pictures(1, 40, 40, seed=1)
    assert torch.equal(call(node, content, style), call(node, content, style.repeat(2, 1, 1, 1)))
    with pytest.raises(ValueError, match="style must have one picture, or 2 as content has, not 3"):
        call(node, content, pictures(3, seed=1))


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(32, 48), (1, 32, 48), (2, 32, 48)])
def test_the_content_stays_where_the_mask_is_white(shape: tuple[int, ...], node: Any) -> None:
    """Masks of one picture, with or without a batch, or of each picture hold the content in their white part."""
    content, mask = pictures(2), torch.zeros(shape)
    mask[..., :24] = 1
    made = call(node, content, pictures(1, seed=1), mask)
    change = (made - content).abs().mean(dim=(0, 1, 3))
    assert float(change[:20].max()) < 1 / 255
    assert float(change[28:].min()) > 2 / 255


@pytest.mark.slow
def test_an_alpha_channel_is_left_out(node: Any) -> None:
    """Pictures with four channels give what their colours alone give."""
    content, style = pictures(1), pictures(1, seed=1)
    both = (torch.cat([each, torch.ones(*each.shape[:3], 1)], -1) for each in (content, style))
    assert torch.equal(call(node, *both), call(node, content, style))


@pytest.mark.slow
def test_a_black_mask_keeps_nothing(node: Any) -> None:
    """ComfyUI's mask of a picture without one, 64 x 64 and black, changes nothing."""
    content, style = pictures(1), pictures(1, seed=1)
    assert torch.equal(call(node, content, style, torch.zeros(1, 64, 64)), call(node, content, style))


def test_a_mask_of_a_batch_is_refused_before_the_first_run(node: Any, comfy: SimpleNamespace) -> None:
    """A mask that is too faint to mean anything ends a batch at once, and not after the pictures before it."""
    masks = torch.ones(3, 32, 48)
    masks[2] /= 255
    with pytest.raises(ValueError, match="keep is black almost everywhere"):
        call(node, pictures(3), pictures(1, seed=1), masks)
    assert not comfy.progress


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["default", "gatys"])
def test_progress_grows_to_its_total(preset: str, node: Any, comfy: SimpleNamespace) -> None:
    """Progress of a batch never falls, and ends at its total, with L-BFGS too."""
    call(node, pictures(2), pictures(1, seed=1), preset=preset, steps=2)
    done = [value for value, _ in comfy.progress]
    assert len(done) >= 4
    assert done == sorted(done)
    assert {total for _, total in comfy.progress} == {done[-1]}


def test_an_interruption_ends_the_node(node: Any, comfy: SimpleNamespace) -> None:
    """ComfyUI's exception passes through at the step at which it is raised."""
    comfy.left = 2
    with pytest.raises(Interrupted):
        call(node, pictures(2), pictures(1, seed=1), steps=5)
    assert len(comfy.progress) == 2


@pytest.mark.slow
def test_zero_steps_are_those_of_the_preset(node: Any, comfy: SimpleNamespace) -> None:
    """With 0 steps, the preset decides."""
    call(node, pictures(1), pictures(1, seed=1), steps=0, preset="draft")
    settings = nst.Settings.preset("draft", size=48)
    assert len(comfy.progress) - 1 >= settings.iterations
