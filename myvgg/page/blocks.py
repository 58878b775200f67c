"""The page itself: its parts, and what is called when somebody uses them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from myvgg.page import painting, screen
from myvgg.page.controls import COLOURS, RANGES, SIZES, Controls, preset_names
from myvgg.page.desk import NEVER, Desk
from myvgg.page.making import SECONDS_BETWEEN_FRAMES
from myvgg.page.studio import Studio

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
#styles .grid-container { grid-template-columns: repeat(auto-fill, minmax(8em, 1fr)); }
#made .grid-container { grid-template-columns: repeat(auto-fill, minmax(16em, 1fr)); padding-top: 2em; }
footer { display: none !important; }
"""


def theme() -> gr.themes.Base:
    """Return the look of the page, with fonts of this machine."""
    sans, mono = ["system-ui", "sans-serif"], ["ui-monospace", "monospace"]
    return gr.themes.Soft(font=sans, font_mono=mono)


def _unopened(payload: Any) -> str | None:
    """Hand the path of an uploaded picture over unopened, so that errors are ours."""
    return payload.path if payload else None


def _layers_of(editor: Any) -> Callable[[Any], list[str | bytes]]:
    """Return a function that hands the layers of paint over unopened, and leaves the photograph below them alone."""

    def layers(payload: Any) -> list[str | bytes]:
        stored = editor.blob_storage.pop(payload.id, None) if payload and payload.id else payload
        return [getattr(layer, "path", layer) for layer in (stored.layers if stored else ()) if layer is not None]

    return layers


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
        _connect(page, _lay_out(examples), Desk(studio, [path for (path,) in _listed(examples, STYLES)]))
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
            download = gr.DownloadButton("Download the picture", elem_id="download")
            controls = _controls()
    with gr.Accordion("Paint: what stays as it is, and a region for each style", open=False, elem_id="painting"):
        paint = _painting(content)
    with gr.Accordion("Settings of a picture that was made before", open=False, elem_id="again"):
        again = gr.File(label="Drop a picture of myvgg here", file_types=[".png"], elem_id="brought")
    shown: dict[str, Any] = {
        "columns": 4,
        "height": 360,
        "object_fit": "contain",
        "buttons": ["download", "fullscreen"],
    }
    made = gr.Gallery(label="Made since the page was opened", interactive=False, elem_id="made", **shown)
    return _Parts(orders, brought, content, styles, view, start, stop, sheet, download, controls, paint, again, made)


def _pictures(examples: Path) -> tuple[Any, Any]:
    """Make the places of the photograph and of the styles, each with pictures to try."""
    content = gr.Image(label="Photograph", type="filepath", sources=["upload", "clipboard"], elem_id="content")
    content.preprocess = _unopened
    gr.Examples(_listed(examples, PHOTOGRAPHS), content, label="Photographs to try", elem_id="photographs")
    shown: dict[str, Any] = {"columns": 3, "height": 180, "object_fit": "contain", "buttons": ["fullscreen"]}
    options: dict[str, Any] = {"type": "filepath", "interactive": True, "file_types": ["image"]}
    styles = gr.Gallery(label="Styles, one or more", elem_id="styles", **shown, **options)
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
    paint.preprocess = _layers_of(paint)
    content.change(lambda: None, None, paint, show_progress="hidden", api_visibility="private")
    gr.Button("Put the photograph here", elem_id="to-paint").click(_to_paint, content, paint)
    return paint


def _connect(page: gr.Blocks, parts: _Parts, desk: Desk) -> None:
    """Let the desk answer what happens on the page."""
    ticker, said = gr.Timer(SECONDS_BETWEEN_FRAMES, active=False), gr.State(NEVER)
    orders = parts.orders
    inputs = [orders, parts.brought, parts.content, parts.styles, parts.paint, *parts.controls]
    shown = [parts.view, ticker, parts.download, parts.made, said]
    quietly: dict[str, Any] = {"concurrency_limit": None, "show_progress": "hidden", "api_visibility": "private"}
    for button, take in ((parts.start, desk.start), (parts.sheet, desk.start_sheet)):
        button.click(take, inputs, [orders, ticker], **{**quietly, "concurrency_limit": 1, "concurrency_id": "take"})
    orders.change(None, orders, None, js=REMEMBER)
    ticker.tick(desk.look, [orders, said], shown, **quietly)
    parts.stop.click(desk.stop, orders, shown, **quietly)
    parts.again.upload(desk.bring, parts.again, [parts.brought, *parts.controls], **quietly)
    parts.content.upload(desk.check, parts.content, parts.content, **quietly)
    parts.styles.upload(desk.check_all, parts.styles, parts.styles, **quietly)
    page.load(None, None, orders, js=RECALL).then(desk.look_again, orders, shown, **quietly)


def _controls() -> list[Any]:
    """Make the controls, in the order of `Controls`."""
    default = Controls()
    return [
        gr.Dropdown(preset_names(), value=default.preset, label="Preset", elem_id="preset"),
        gr.Slider(*SIZES, default.size, step=8, label="Longest side in pixels", elem_id="size"),
        gr.Slider(*RANGES["strength"], default.strength, step=0.1, label="Strength of the style", elem_id="strength"),
        gr.Slider(*RANGES["strokes"], default.strokes, step=0.05, label="Size of the strokes", elem_id="strokes"),
        gr.Radio([*COLOURS], value=default.colours, label="Colours", elem_id="colours"),
    ]


def _listed(folder: Path, names: Sequence[str]) -> list[list[str]]:
    return [[str(folder / name)] for name in names if (folder / name).is_file()]


def _to_paint(content: str | None) -> dict[str, Any] | None:
    """Put the photograph below the brush."""
    if content is None:
        raise gr.Error("choose a photograph first", print_exception=False)
    return {"background": content, "layers": [], "composite": None}
