"""The page itself: its controls, and the functions that are called when somebody uses them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
import numpy as np

from myvgg.images import ImageError
from myvgg.page import painting, screen
from myvgg.page.controls import (
    COLOURS,
    OF_A_PICTURE,
    SIZES,
    Controls,
    brought_by,
    check_picture,
    preset_names,
    settings_of,
)
from myvgg.page.orders import Order
from myvgg.page.studio import SECONDS_BETWEEN_FRAMES, Studio

PHOTOGRAPHS = ("chelsea.jpg", "astronaut.jpg", "coffee.jpg", "landscape.jpg")
STYLES = ("waves.jpg", "strokes.jpg", "tiles.jpg", "abstract.jpg")
"""Names of the pictures that come with the package."""

REMEMBER = "(names) => { sessionStorage.setItem('myvgg-orders', names); }"
RECALL = "() => sessionStorage.getItem('myvgg-orders') || ''"
"""The orders of a tab are kept in the tab, so that reloading the page shows them again."""

CSS = """
.screen img { width: 100%; max-height: 70vh; object-fit: contain; image-rendering: auto; display: block; }
.screen progress { width: 100%; }
.screen .curve { width: 100%; max-height: 6em; }
.screen .curve polyline { fill: none; stroke: currentColor; stroke-width: 1.5; vector-effect: non-scaling-stroke; }
.screen.empty, .screen .waiting { min-height: 12em; }
.screen.failed p { color: #b00020; font-weight: 600; }
footer { display: none !important; }
"""


def theme() -> gr.themes.Base:
    """Return the look of the page, with fonts of this machine."""
    sans, mono = ["system-ui", "sans-serif"], ["ui-monospace", "monospace"]
    return gr.themes.Soft(font=sans, font_mono=mono)


def _unopened(payload: Any) -> str | None:
    """Hand the path of an uploaded picture over unopened, so that errors are ours."""
    return payload.path if payload else None


class _Parts(NamedTuple):
    """The parts of the page that its functions read and change."""

    orders: Any
    brought: Any
    content: Any
    styles: Any
    view: Any
    start: Any
    stop: Any
    sheet: Any
    download: Any
    controls: list[Any]
    paint: Any
    again: Any
    made: Any


def build(studio: Studio, examples: Path) -> gr.Blocks:
    """Build the page.

    Args:
        studio: The studio that makes the pictures.
        examples: Folder of the pictures that come with the package.
    """
    page = gr.Blocks(title="myvgg", analytics_enabled=False, delete_cache=(3600, 24 * 3600))
    with page:
        _connect(page, _lay_out(examples), _Desk(studio, examples))
    return page


def _lay_out(examples: Path) -> _Parts:
    """Lay out the page: pictures on the left, the result and the controls on the right, the rest below."""
    gr.Markdown("# A photograph in the style of a painting\nEverything is computed on this machine.")
    orders, brought = gr.Textbox(visible="hidden", elem_id="orders"), gr.State(None)
    with gr.Row():
        with gr.Column(min_width=300):
            content, styles = _pictures(examples)
        with gr.Column(min_width=300):
            view = gr.HTML(screen.drawn(None), elem_id="screen")
            with gr.Row():
                start = gr.Button("Start", variant="primary", elem_id="start")
                stop = gr.Button("Stop", elem_id="stop")
                sheet = gr.Button("All styles on one sheet", elem_id="sheet")
            download = gr.DownloadButton("Download the picture, with its settings inside", elem_id="download")
            controls = _controls()
    with gr.Accordion("Paint: what stays as it is, and a region for each style", open=False, elem_id="painting"):
        paint = _painting(content)
    with gr.Accordion("Settings of a picture that was made before", open=False, elem_id="again"):
        again = gr.File(label="Drop a picture of myvgg here", file_types=[".png"], elem_id="brought")
    made = gr.Gallery(label="Made since the page was opened", interactive=False, columns=4, elem_id="made")
    return _Parts(orders, brought, content, styles, view, start, stop, sheet, download, controls, paint, again, made)


def _pictures(examples: Path) -> tuple[Any, Any]:
    """Make the places of the photograph and of the styles, each with pictures to try."""
    content = gr.Image(label="Photograph", type="filepath", sources=["upload", "clipboard"], elem_id="content")
    content.preprocess = _unopened
    gr.Examples(_listed(examples, PHOTOGRAPHS), content, label="Photographs to try", elem_id="photographs")
    styles = gr.Gallery(
        label="Styles, one or more", type="filepath", columns=3, height=180, interactive=True, elem_id="styles"
    )
    paintings = gr.Dataset(
        components=[gr.Image(visible=False)],
        samples=_listed(examples, STYLES),
        label="Styles to try: each click adds one",
        elem_id="paintings",
    )
    paintings.click(_with_one_more, [paintings, styles], styles, show_progress="hidden", api_visibility="private")
    return content, styles


def _with_one_more(sample: Sequence[str], styles: Sequence[tuple[str, Any]] | None) -> list[tuple[str, Any]]:
    """Add a painting to the styles, unless it is among them."""
    (path,), chosen = sample, [*(styles or ())]
    return chosen if Path(path).name in {Path(each).name for each, _ in chosen} else [*chosen, (path, None)]


def _painting(content: Any) -> Any:
    """Make the editor in which the photograph is painted on."""
    gr.Markdown("Red stays as it is. Blue is the region of the first style, then green, yellow, purple and orange.")
    brush = gr.Brush(colors=[painting.KEEP, *painting.REGIONS], color_mode="fixed")
    options: dict[str, Any] = {"type": "numpy", "sources": [], "transforms": [], "layers": False, "brush": brush}
    paint = gr.ImageEditor(label="Photograph", elem_id="paint", **options)
    gr.Button("Put the photograph here", elem_id="to-paint").click(_to_paint, content, paint)
    return paint


def _connect(page: gr.Blocks, parts: _Parts, desk: _Desk) -> None:
    """Let the desk answer what happens on the page."""
    ticker, said = gr.Timer(SECONDS_BETWEEN_FRAMES, active=False), gr.State(-1)
    orders = parts.orders
    inputs = [orders, parts.brought, parts.content, parts.styles, parts.paint, *parts.controls]
    shown = [parts.view, ticker, parts.download, parts.made, said]
    quietly: dict[str, Any] = {"concurrency_limit": None, "show_progress": "hidden", "api_visibility": "private"}
    for button, take in ((parts.start, desk.start), (parts.sheet, desk.start_sheet)):
        button.click(take, inputs, [orders, ticker], **quietly)
    orders.change(None, orders, None, js=REMEMBER)
    ticker.tick(desk.look, [orders, said], shown, **quietly)
    parts.stop.click(desk.stop, orders, shown, **quietly)
    parts.again.upload(desk.bring, parts.again, [parts.brought, *parts.controls], **quietly)
    parts.content.upload(desk.check, parts.content, parts.content, **quietly)
    parts.styles.upload(desk.check_all, parts.styles, parts.styles, **quietly)
    page.load(None, None, orders, js=RECALL).then(desk.look_again, orders, shown, **quietly)


def _controls() -> list[Any]:
    """Make the controls, in the order of `Controls`."""
    default, (smallest, largest) = Controls(), SIZES
    return [
        gr.Dropdown(preset_names(), value=default.preset, label="Preset", elem_id="preset"),
        gr.Slider(smallest, largest, default.size, step=8, label="Longest side in pixels", elem_id="size"),
        gr.Slider(0.1, 4, default.strength, step=0.1, label="Strength of the style", elem_id="strength"),
        gr.Slider(0.25, 2, default.strokes, step=0.05, label="Size of the strokes", elem_id="strokes"),
        gr.Radio([*COLOURS], value=default.colours, label="Colours", elem_id="colours"),
    ]


def _listed(folder: Path, names: Sequence[str]) -> list[list[str]]:
    return [[str(folder / name)] for name in names if (folder / name).is_file()]


def _to_paint(content: str | None) -> dict[str, Any] | None:
    """Put the photograph below the brush."""
    if content is None:
        raise gr.Error("choose a photograph first", duration=None)
    return {"background": content, "layers": [], "composite": None}


class _Desk:
    """The functions of the page's events. Errors become messages on the page."""

    def __init__(self, studio: Studio, examples: Path) -> None:
        self._studio, self._examples = studio, examples

    def start(
        self, orders: str, brought: Any, content: Any, styles: Any, paint: Any, *controls: Any
    ) -> tuple[Any, ...]:
        """Take an order of one picture."""
        return self._take(orders, brought, content, [path for path, _ in styles or ()], paint, controls, is_sheet=False)

    def start_sheet(
        self, orders: str, brought: Any, content: Any, styles: Any, _: Any, *controls: Any
    ) -> tuple[Any, ...]:
        """Take an order of a sheet: of the chosen styles, or of all examples if fewer than two are chosen."""
        chosen = [path for path, _ in styles or ()]
        if len(chosen) < 2:
            chosen = [path for (path,) in _listed(self._examples, STYLES)]
        return self._take(orders, brought, content, chosen, None, controls, is_sheet=True)

    def _take(
        self, orders: str, brought: Any, content: Any, styles: list[str], paint: Any, controls: Any, *, is_sheet: bool
    ) -> tuple[Any, ...]:
        if not content or not styles:
            raise gr.Error("choose a photograph and a style first", duration=None)
        try:
            settings = settings_of(Controls(*controls), brought)
            folder = self._studio.new_folder()
            for path in (content, *styles):
                check_picture(path)
            masks, keep = _masks(paint, len(styles), folder)
            order = Order(
                content=_copied(content, folder, "photograph"),
                styles=tuple(_copied(path, folder, f"style{number}") for number, path in enumerate(styles, 1)),
                settings=settings,
                masks=masks,
                keep=keep,
                is_sheet=is_sheet,
            )
            self._studio.take(order, folder)
        except (ValueError, OSError) as error:
            raise gr.Error(str(error), duration=None) from error
        return f"{orders} {folder.name}".strip(), gr.Timer(active=True)

    def look(self, orders: str, said: int) -> tuple[Any, ...]:
        """Return what has changed since the last look."""
        ticket = self._studio.find(orders.split()[-1]) if orders.strip() else None
        if ticket is None:
            return screen.drawn(None), gr.Timer(active=False), gr.skip(), gr.skip(), -1
        state = hash((ticket.frames, ticket.sentence, ticket.state))
        if state == said:
            return (gr.skip(),) * 5
        download, made = (
            (ticket.result and str(ticket.result), self._made(orders)) if ticket.is_over else (gr.skip(),) * 2
        )
        return screen.drawn(ticket), gr.Timer(active=not ticket.is_over), download, made, state

    def look_again(self, orders: str) -> tuple[Any, ...]:
        """Return all there is, after the page was loaded."""
        return self.look(orders, -1)

    def stop(self, orders: str) -> tuple[Any, ...]:
        """End the latest order of the tab."""
        if orders.strip():
            self._studio.stop(orders.split()[-1])
        return self.look(orders, -1)

    def bring(self, file: str | None) -> list[Any]:
        """Read the settings of a picture into the controls."""
        if file is None:
            return [gr.skip()] * 6
        try:
            table, controls = brought_by(file)
        except (ValueError, OSError) as error:
            raise gr.Error(str(error).replace(file, Path(file).name), duration=None) from error
        gr.Info(f"the settings of {Path(file).name} are chosen as the preset “{OF_A_PICTURE}”")
        return [table, *controls]

    def check(self, path: str | None) -> Any:
        """Refuse a file that is no picture, and empty its place."""
        good = self.check_all([(path, None)] if path else [])
        return good[0][0] if good else None

    def check_all(self, listed: list[tuple[str, Any]] | None) -> Any:
        """Leave out the files that are no pictures, and say why."""
        good = []
        for path, caption in listed or ():
            try:
                check_picture(path)
                good.append((path, caption))
            except ImageError as error:
                gr.Warning(str(error), duration=None)
        return good

    def _made(self, orders: str) -> list[tuple[str, str]]:
        tickets = [self._studio.find(name) for name in orders.split()]
        return [
            (str(ticket.result), ticket.sentence) for ticket in tickets if ticket and ticket.is_over and ticket.result
        ]


def _masks(paint: dict[str, Any] | None, styles: int, folder: Path) -> tuple[tuple[Path, ...], Path | None]:
    """Write the masks of a painting, and return their files."""
    layers = [layer for layer in (paint or {}).get("layers", ()) if layer is not None and np.any(layer[..., 3])]
    if not layers:
        return (), None
    masks = painting.masks_of(layers, styles)
    regions = tuple(painting.write(mask, folder / f"region{i}.png") for i, mask in enumerate(masks.regions, 1))
    return regions, None if masks.keep is None else painting.write(masks.keep, folder / "keep.png")


def _copied(path: str, folder: Path, name: str) -> Path:
    """Copy an uploaded file into the folder of its order, where it stays as long as the order."""
    target = folder / f"{name}-{os.path.basename(path)}"  # noqa: PTH119
    shutil.copyfile(path, target)
    return target
