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
    "scales": Choice(
        "Scales",
        "from 128 pixels up, each the square root of two larger",
        {"one scale, equal work": {"scales": 1, "iterations": 50}},
        "At 256 pixels scales are worth nothing in numbers, but shapes get larger: areas of colour in place of flecks.",
    ),
    "loss": Choice(
        "Style loss",
        "Wasserstein distance of Gaussians",
        {"Gram": {"style_loss": "gram"}, "Gram and mean": {"style_loss": "gram+mean"}},
        "Gram matrices go less of the way to the style, with shorter strokes; their mean beside them helps a little.",
    ),
    "balance": Choice(
        "Unit of the style loss",
        "its value for the content picture",
        {"none, content weight 0.06": {"balance": False, "content_weight": 0.06}},
        "One content weight does not serve all: where the style's contrasts are strong, the content is drowned, and "
        "the worst pair is far behind. In units of the style loss of the content picture, one weight suits all.",
    ),
    "layers": Choice(
        "Weights of the style layers",
        "16, 8, 4, 2, 1 from relu1_1 to relu5_1",
        {
            "256, 64, 16, 4, 1": {"style_layers": "relu1_1=256,relu2_1=64,relu3_1=16,relu4_1=4,relu5_1=1"},
            "equal": {"style_layers": "relu1_1,relu2_1,relu3_1,relu4_1,relu5_1"},
        },
        "A steep fall takes up colours and fine strokes and little else; equal weights draw the style's motifs over "
        "the content, a swirl for a face. The fall by halves lies between and scores highest.",
    ),
    "content": Choice(
        "Content weight",
        "0.35",
        {"0.2": {"content_weight": 0.2}, "0.6": {"content_weight": 0.6}},
        "It slides from style to structure, as `--style-strength` does. A weight of 0.2 scores 0.01 higher, since "
        "the style gains more than the arrangement loses; the default keeps more of the subject.",
    ),
    "padding": Choice(
        "Beyond the border",
        "replicated pixels",
        {"zeros": {"padding": "zero"}},
        "Nothing that shows here, in numbers or pictures. Replicated pixels are kept since zeros, which are the mean "
        "colour, make an edge that is not in the picture.",
    ),
    "average": Choice(
        "What is kept",
        "an average of the steps, 0.9",
        {"over more of them, 0.99": {"average": 0.99}, "the last step": {"average": 0.0}},
        "The last step scores highest and has the most grain. A long average remembers pictures from before they "
        "were good. The default lies between: less grain for 0.014 of the score.",
    ),
    "steps": Choice(
        "Steps at a scale",
        "25 of 0.04",
        {
            "12 of 0.08": {"iterations": 12, "learning_rate": 0.08},
            "50 of 0.02": {"iterations": 50, "learning_rate": 0.02},
            "50 of 0.04": {"iterations": 50},
            "100 of 0.02": {"iterations": 100, "learning_rate": 0.02},
        },
        "Twice as many steps add 0.014 to 0.017 to the score, four times as many 0.023. Half as many of twice the "
        "length cost 0.013.",
    ),
    "start": Choice(
        "First picture",
        "0.4 of noise",
        {"the content": {"init": "content"}, "noise": {"init": "noise"}},
        "Noise alone loses structure. Some of it costs nothing, and lets another seed give another picture.",
    ),
    "smoothness": Choice(
        "Total variation",
        "weight 2",
        {"none": {"tv_weight": 0.0}},
        "Without it the score is 0.005 higher, and flat areas are noisy.",
    ),
    "optimizer": Choice(
        "Optimizer",
        "Adam",
        {"L-BFGS": {"optimizer": "lbfgs"}},
        "As good as Adam's last step in as many evaluations; Adam is kept, whose steps are even and can be averaged.",
    ),
}


class Result(NamedTuple):
    """Means over the pairs, and the score of the worst of them."""

    style: float
    structure: float
    score: float
    lowest: float
    grain: float


def main() -> None:
    """Make the pictures, then the document."""
    (DOCS / "ablation").mkdir(exist_ok=True)
    folder = Path(sys.argv[1])
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
    reports = []
    for job in made:
        pictures = read(job)
        assert pictures.content is not None
        picture = images.load(job.output)
        reports.append(report(picture, pictures.content.image, pictures.styles, params=params, size=SIZE))
    style, structure, score, grain = (mean(values) for values in zip(*reports, strict=True))
    return Result(style, structure, score, min(each.score for each in reports), grain)


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
        "Work is pixels times steps, relative to the first row.",
        "The pictures are chelsea with abstract and astronaut with strokes.",
        "",
        "```sh",
        "python -m benchmarks.ablation FOLDER",
        "```",
        "",
        "| choice | | style | structure | score | lowest | grain | work |",
        "|---|---|---|---|---|---|---|---|",
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
    numbers = (found.style, found.structure, found.score, found.lowest, found.grain)
    return f"| {question} | {title} | {' | '.join(f'{number:.3f}' for number in numbers)} | {relative:.2f} |"


if __name__ == "__main__":
    main()
