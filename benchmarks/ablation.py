"""What each choice of the default settings is worth: one thing changed at a time, over pairs of example pictures.

`python -m benchmarks.ablation FOLDER` makes the pictures that are not in the folder yet, then writes `docs/ablation.md`
and the sheets that it shows. It takes trained weights and half an hour to an hour.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

from tqdm import tqdm

from benchmarks import judges
from myvgg import images, store
from myvgg.example_pictures import FOLDER as EXAMPLES
from myvgg.nst import Settings, pyramid
from myvgg.params import Params
from myvgg.runs import many, sheet
from myvgg.runs.job import Job, read
from myvgg.runs.metrics import report
from myvgg.runs.progress import say, shown
from myvgg.runtime.files import replacing

DOCS = Path(__file__).parents[1] / "docs"
PAIRS = (
    ("chelsea", "waves"),
    ("chelsea", "abstract"),
    ("astronaut", "strokes"),
    ("astronaut", "tiles"),
    ("coffee", "abstract"),
    ("coffee", "strokes"),
)
SHOWN = (PAIRS[1], PAIRS[2])
"""The pairs on the sheets."""

SIZE = 256
DEFAULT = "default"


class Choice(NamedTuple):
    """Something that the default settings decide.

    Attributes:
        question: What it is about.
        chosen: What the default settings have.
        others: Settings that do it otherwise, by what one would call them.
        found: What the numbers and the pictures say.
    """

    question: str
    chosen: str
    others: dict[str, dict[str, Any]]
    found: str


CHOICES = {
    "loss": Choice(
        "Style loss",
        "statistics and matching",
        {
            "statistics alone": {"style_loss": "wasserstein"},
            "matching alone": {"style_loss": "neighbors"},
            "Gram matrices alone": {"style_loss": "gram"},
        },
        "Statistics bring the palette and the contrast. Matching adds 0.017 of style to them and takes 0.021 of "
        "structure: each stroke goes where the style has one for such a place. Alone, and beside this content "
        "weight, it hardly changes the picture. Gram matrices go less of the way.",
    ),
    "matching": Choice(
        "Weight of the matching",
        "0.5",
        {"0.25": {"match_weight": 0.25}, "1": {"match_weight": 1.0}},
        "It slides from structure to style. At 1 the style gains 0.008 and the structure loses 0.035; faces lose "
        "first.",
    ),
    "matched": Choice(
        "Layers that are matched",
        "relu3_1 and relu4_1",
        {"relu1_1 to relu4_1": {"match_layers": "relu1_1=8,relu2_1=4,relu3_1=2,relu4_1=1"}},
        "Shallow layers find patches of equal colours: more of the arrangement is kept, colours are more even, and "
        "more places are smooth. They cost time and are left to the statistics.",
    ),
    "progress": Choice(
        "Picture that is matched",
        "three quarters content, one quarter result",
        {"the content": {"match_progress": 0.0}, "half and half": {"match_progress": 0.5}},
        "The more of the picture so far is matched, the farther it goes from the content.",
    ),
    "layers": Choice(
        "Weights of the style layers",
        "8, 8, 4, 2 from relu1_1 to relu4_1",
        {
            "2, 4, 4, 2": {"style_layers": "relu1_1=2,relu2_1=4,relu3_1=4,relu4_1=2"},
            "16, 8, 4, 2, and 1 at relu5_1": {"style_layers": "relu1_1=16,relu2_1=8,relu3_1=4,relu4_1=2,relu5_1=1"},
        },
        "Less weight of the two shallow layers gives more style and less structure. Twice the weight of relu1_1, "
        "with a fifth layer, changes style and structure by less than 0.01, and a step takes longer.",
    ),
    "content": Choice(
        "Content weight",
        "0.22",
        {"0.1": {"content_weight": 0.1}, "0.5": {"content_weight": 0.5}},
        "It slides from style to structure, as `--style-strength` does. The score is lower on both sides; the "
        "default is where faces are painted and still themselves.",
    ),
    "steps": Choice(
        "Steps at a scale",
        "8 at the last, and more at the smaller ones",
        {
            "8 at each, 12 at the first": {"step_growth": 1.0},
            "20 at the last": {"iterations": 20},
        },
        "Two and a half times the work adds 0.021 to the score, two thirds of it structure, and leaves colours less "
        "even. Equal steps at all scales but the first cost 0.005 and save a tenth of the work.",
    ),
    "average": Choice(
        "What is kept",
        "an average of the steps, 0.5",
        {"the last step": {"average": 0.0}, "over more of them, 0.9": {"average": 0.9}},
        "The last step scores 0.003 less. A longer average remembers pictures from before they were good.",
    ),
    "scales": Choice(
        "Scales",
        "from 128 pixels up, each the square root of two larger",
        {"one scale, equal work": {"scales": 1, "iterations": 17}},
        "One scale has more grain and shorter strokes: flecks in place of areas of colour. Colours are more even, "
        "hardly a place is smooth, and nearly three times as much of the finest details is the photograph's.",
    ),
    "details": Choice(
        "Details at the start of a scale",
        "none",
        {"those of the content": {"content_details": 1.0}},
        "Those of the content add 0.003 to the score, and stay: three times as much of the finest details is the "
        "photograph's then.",
    ),
    "rate": Choice(
        "Adam",
        "rate 0.06, momentum 0.8",
        {"0.04 and 0.9": {"learning_rate": 0.04, "beta1": 0.9}},
        "Longer steps with less momentum are worth 0.029: a step forgets sooner where the picture was a few steps ago.",
    ),
    "start": Choice(
        "First picture",
        "0.4 of noise",
        {"the content": {"init": "content"}, "noise": {"init": "noise"}},
        "Noise alone loses structure, and its colours are the least even of all. Some of it costs 0.001 of the "
        "score and a little evenness, and lets another seed give another picture.",
    ),
    "smoothness": Choice(
        "Total variation",
        "weight 1",
        {"none": {"tv_weight": 0.0}, "2": {"tv_weight": 2.0}},
        "Nothing that shows in the score; grain falls with the weight. Without it, hardly a place is smooth; "
        "weight 2 makes 0.143 of the places smooth, in place of 0.121.",
    ),
    "former": Choice(
        "All of it",
        "as it is today",
        {"--preset gaussians": {"preset": "gaussians", "size": SIZE}},
        "A third of the work, with more style and less structure, for the same score. Colours are more even, and less "
        "of the picture is smooth.",
    ),
}


class Result(NamedTuple):
    """Means over the pairs, and the score of the worst of them, in the order of the table."""

    style: float
    structure: float
    score: float
    lowest: float
    grain: float
    unevenness: float
    sharpness: float
    smoothness: float
    photograph: float


def main() -> None:
    """Make the pictures, then the document."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m benchmarks.ablation FOLDER")
    folder = Path(sys.argv[1])
    (DOCS / "ablation").mkdir(exist_ok=True)
    params = store.load(include_top=False)
    settings = dict(variants())
    made = {name: jobs(folder / name, each) for name, each in settings.items()}
    for name, each in made.items():
        many.batch(each, folder / name, params, say=say, watch=shown)
    results = {name: result(each, params) for name, each in tqdm(made.items(), desc="measuring")}
    for name, choice in CHOICES.items():
        drawn = draw(folder, name, choice)
        images.save(drawn, DOCS / "ablation" / f"{name}.jpg")
    with replacing(DOCS / "ablation.md") as temporary:
        temporary.write_text(document(results, params), encoding="utf-8")


def variants() -> Iterator[tuple[str, Settings]]:
    """Name all settings that are tried."""
    base = Settings(size=SIZE)
    yield DEFAULT, base
    for name, choice in CHOICES.items():
        for number, changes in enumerate(choice.others.values(), 1):
            yield f"{name}-{number}", base.with_values(changes)


def jobs(folder: Path, settings: Settings) -> list[Job]:
    """Return a run of each pair."""
    return [
        Job(
            content=EXAMPLES / f"{content}.jpg",
            styles=(EXAMPLES / f"{style}.jpg",),
            output=folder / f"{content}-{style}.png",
            settings=settings,
        )
        for content, style in PAIRS
    ]


def result(made: list[Job], params: Params) -> Result:
    """Measure the pictures of a variant, at their own size."""
    reports, judged = [], []
    for job in made:
        pictures = read(job)
        assert pictures.content is not None
        picture, content, style = images.load(job.output), pictures.content.image, pictures.styles[0]
        reports.append(report(picture, content, style, params=params, size=SIZE))
        picture, content, style = judges.prepared(picture, content, style)
        judged.append(
            (
                judges.unevenness(picture, content),
                judges.sharpness(picture, style),
                judges.smoothness(picture, style),
                judges.photograph(picture, content),
            )
        )
    means = [mean(values) for values in zip(*reports, strict=True)]
    lowest, faults = min(each.score for each in reports), [mean(values) for values in zip(*judged, strict=True)]
    return Result._make([*means[:3], lowest, means[3], *faults])


def work(settings: Settings, params: Params) -> float:
    """Count the pixels of all steps, for a picture of 4 : 3."""
    sizes = pyramid.sizes(400, 300, settings, params.architecture)
    counts = pyramid.steps(sizes, settings)
    return sum(count * width * height for count, (width, height) in zip(counts, sizes, strict=True))


def draw(folder: Path, name: str, choice: Choice) -> images.Picture:
    """Show what a choice does to some of the pairs."""
    columns = [DEFAULT, *(f"{name}-{number}" for number in range(1, len(choice.others) + 1))]
    return sheet.lay_out(
        [[images.load(folder / column / f"{'-'.join(pair)}.png") for column in columns] for pair in SHOWN],
        column_titles=[choice.chosen, *choice.others],
    )


def document(results: dict[str, Result], params: Params) -> str:
    """Write the page."""
    settings = dict(variants())
    unit = work(settings[DEFAULT], params)
    lines = [
        "# What the default settings are worth",
        "",
        "The first row has the default settings. Each other row changes one choice.",
        f"The numbers are means over {len(PAIRS)} pairs of the [example pictures](../examples/README.md)",
        f"({', '.join(' with '.join(pair) for pair in PAIRS)}), {SIZE} pixels on the longest side.",
        "[Measures](style.md#measures) explains style, structure, score and grain.",
        "The column `lowest` has the score of the worst pair.",
        "The columns from `unevenness` to `photograph` show the faults that people name, by the judges of",
        "[the methods side by side](quality.md): a palette in patches, a relief, smooth faces, fur that stays.",
        "Good is a low unevenness, a sharpness near 1, a smoothness near 0.1, and a low photograph.",
        "Work is pixels times steps, relative to the first row.",
        f"The pictures are {' and '.join(' with '.join(pair) for pair in SHOWN)}.",
        "",
        "```sh",
        "python -m benchmarks.ablation FOLDER",
        "```",
        "",
        f"| choice | | {' | '.join(Result._fields)} | work |",
        f"|---|---|{'---|' * len(Result._fields)}---|",
        row("**the default**", "", results[DEFAULT], 1.0),
    ]
    for name, choice in CHOICES.items():
        for number, title in enumerate(choice.others, 1):
            variant = f"{name}-{number}"
            lines.append(row(choice.question, title, results[variant], work(settings[variant], params) / unit))
    for name, choice in CHOICES.items():
        lines += ["", f"## {choice.question}", "", f"The default: {choice.chosen}.", choice.found, ""]
        lines.append(f"![{choice.question}: {choice.chosen}, and otherwise](ablation/{name}.jpg)")
    return "\n".join(lines) + "\n"


def row(question: str, title: str, found: Result, relative: float) -> str:
    """Write a line of the table."""
    return f"| {question} | {title} | {' | '.join(f'{number:.3f}' for number in found)} | {relative:.2f} |"


if __name__ == "__main__":
    main()
