"""Settings refuse what cannot be meant, by name, and read layers and sizes as people write them."""

from __future__ import annotations

import copy
import dataclasses
import math
import pickle
import re
import subprocess
import sys
import tomllib
from typing import Any, Literal, get_args, get_origin, get_type_hints

import hypothesis
import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from myvgg.nst import Settings, presets, tables
from myvgg.nst.settings import SETTINGS, Layers
from myvgg.sizes import parse_size

NUMBERS = (-1e-9, math.inf, math.nan)
SHARES = (-0.01, 1.01, math.inf, math.nan)

WRONG: dict[str, tuple[Any, ...]] = {
    "size": (0, -1),
    "style_size": (0, -1),
    "iterations": (0, -5),
    "scales": (0, -1),
    "min_size": (0,),
    "draft": (0, -1),
    "seed": (-1,),
    "history": (0,),
    "pyramid_levels": (0, -3),
    "last_pass": (-1,),
    "content_weight": NUMBERS,
    "style_weight": NUMBERS,
    "tv_weight": NUMBERS,
    "style_strength": NUMBERS,
    "learning_rate": NUMBERS,
    "epsilon": NUMBERS,
    "noise_range": NUMBERS,
    "style_scale": NUMBERS,
    "match_weight": NUMBERS,
    "step_growth": (-1.0, 0.09, 10.5, math.inf, math.nan),
    "first_steps": (-1.0, 0.09, 10.5, math.inf, math.nan),
    "scale_ratio": (-1.0, 1.0, 10.5, math.inf, math.nan),
    "content_decay": (-1.0, 0.0, 1.5, math.inf, math.nan),
    "match_progress": SHARES,
    "content_details": SHARES,
    "noise": SHARES,
    "beta1": SHARES,
    "beta2": SHARES,
    "average": SHARES,
    "color_strength": SHARES,
}
RIGHT: dict[str, tuple[Any, ...]] = {
    "size": (1, 100_000, "800x600", "x600", "2MP"),
    "style_size": (None, 1, "300x"),
    "iterations": (1,),
    "scales": (None, 1, 20),
    "min_size": (1, 100_000),
    "draft": (None, 1, 100_000),
    "seed": (0, 2**40),
    "history": (1, 100),
    "pyramid_levels": (1, 30),
    "last_pass": (0, 1, 300),
    "content_weight": (0.0, 1e9),
    "style_weight": (0.0, 1e9),
    "tv_weight": (0.0, 1e9),
    "style_strength": (0.0, 7.0),
    "learning_rate": (0.0, 255.0),
    "epsilon": (0.0, 1.0),
    "noise_range": (0.0, 255.0),
    "style_scale": (0.01, 4.0),
    "match_weight": (0.0, 3.0),
    "step_growth": (0.1, 0.71, 10.0),
    "first_steps": (0.1, 1.0, 10.0),
    "scale_ratio": (1.1, 2.0, 10.0),
    "content_decay": (0.01, 0.5, 1.0),
    "match_progress": (0.0, 1.0),
    "content_details": (0.0, 1.0),
    "noise": (0.0, 1.0),
    "beta1": (0.0, 0.999),
    "beta2": (0.0, 0.999),
    "average": (0.0, 0.999),
    "color_strength": (0.0, 1.0),
    "balance": (True, False),
    "tv_sum": (True, False),
    "max_memory": (None, 0.5, 1e6),
    "init": ("blend", "style", "blur", "edges", "first.png"),
    "style_blend": ((), (1.0,), (0.0, 2.0, 5.0)),
    "content_layers": (Layers(), Layers("conv1_1=1,pool5=0")),
    "style_layers": (Layers(), Layers("relu1_1=1e6")),
    "match_layers": (Layers("relu3_1=1e6,relu4_1=0"),),
    "detail_layers": (Layers(), Layers("relu1_1=8,relu2_1")),
}
CHOICES = {name: get_args(hint) for name, hint in get_type_hints(Settings).items() if get_origin(hint) is Literal}


def pairs(table: dict[str, tuple[Any, ...]]) -> list[Any]:
    """List every field with every value, with readable ids."""
    return [pytest.param(name, value, id=f"{name}={value}") for name, values in table.items() for value in values]


@pytest.mark.parametrize(("name", "value"), pairs(WRONG))
def test_refuses_values_out_of_range(name: str, value: float) -> None:
    """A value out of its range is refused with the field's name and the value."""
    with pytest.raises(ValueError, match=rf"^{name} must be .* not {value}$"):
        Settings(**{name: value})


@pytest.mark.parametrize(("name", "value"), pairs(RIGHT | CHOICES))
def test_takes_what_is_allowed(name: str, value: Any) -> None:
    """The smallest and largest values that are allowed, and every choice, are kept as they are."""
    assert getattr(Settings(**{name: value}), name) == value


@pytest.mark.parametrize("name", CHOICES)
def test_refuses_unknown_choices(name: str, unchecked: None) -> None:
    """A word that is no choice is refused with those that are."""
    *choices, last = CHOICES[name]
    with pytest.raises(ValueError, match=re.escape(f"{name} must be {', '.join(choices)} or {last}, not 'best'")):
        Settings(**{name: "best"})


@pytest.mark.parametrize("name", ["beta1", "beta2", "average"])
def test_refuses_memory_without_end(name: str) -> None:
    """A decay of one would never learn anything."""
    with pytest.raises(ValueError, match=f"^{name} must be below 1"):
        Settings(**{name: 1.0})


@pytest.mark.parametrize("value", [(-1.0, 2.0), (0.0, 0.0), (math.inf,), (math.nan, 1.0), (1e308, 1e308)], ids=str)
def test_refuses_shares_that_share_nothing(value: tuple[float, ...]) -> None:
    """Shares of styles are from 0 on, not all 0, and no sum is too large for a number."""
    with pytest.raises(ValueError, match="style_blend must be shares from 0 on, with a sum above 0 that is a number, "):
        Settings(style_blend=value)


def test_refuses_a_style_of_no_size() -> None:
    """A style picture cannot be scaled to nothing."""
    with pytest.raises(ValueError, match="style_scale must be above 0"):
        Settings(style_scale=0.0)


@pytest.mark.parametrize("name", ["iterations", "scales", "min_size", "seed", "history", "pyramid_levels", "last_pass"])
@pytest.mark.parametrize("value", [1.5, math.inf, "3", True])
def test_refuses_counts_that_are_no_whole_numbers(name: str, value: object, unchecked: None) -> None:
    """A count is a whole number."""
    with pytest.raises(ValueError, match=f"{name} must be a whole number, not {value!r}"):
        Settings(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["much", None, [1.0]], ids=str)
def test_refuses_numbers_that_are_none(value: object, unchecked: None) -> None:
    """What is no number is refused as such, by name."""
    with pytest.raises(ValueError, match="content_weight must be a number, not "):
        Settings(content_weight=value)  # type: ignore[arg-type]


NOTHING: dict[str, dict[str, Any]] = {
    "layers": {"content_layers": Layers(), "style_layers": Layers()},
    "weights": {"content_weight": 0.0, "style_weight": 0.0, "tv_weight": 0.0},
    "strength": {"content_weight": 0.0, "style_strength": 0.0, "tv_weight": 0.0},
}


@pytest.mark.parametrize("options", NOTHING.values(), ids=NOTHING)
def test_refuses_nothing_to_go_after(options: dict[str, Any]) -> None:
    """Without any layer, or with weights that are all 0, there is nothing to optimise."""
    with pytest.raises(ValueError, match="must not"):
        Settings(**options)


@pytest.mark.parametrize("name", presets.names())
def test_float16_needs_scaled_layers(name: str) -> None:
    """A preset whose features would overflow in half precision refuses float16; the others take it."""
    if Settings.preset(name).layer_scaling == "rms":
        assert Settings.preset(name, precision="float16").precision == "float16"
    else:
        with pytest.raises(ValueError, match="precision must not be float16 where layer_scaling is none"):
            Settings.preset(name, precision="float16")


def test_settings_are_frozen() -> None:
    """A setting is not changed afterwards, and a copy with another value is checked again."""
    settings = Settings()
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.size = 3  # type: ignore[misc]
    assert dataclasses.replace(settings, size=3).size == 3
    assert dataclasses.replace(settings) == settings
    with pytest.raises(ValueError, match="size"):
        dataclasses.replace(settings, size=0)


@pytest.mark.parametrize("name", ["content_layers", "style_layers"])
def test_layers_are_frozen(name: str) -> None:
    """A weight is not changed afterwards, nor are the layers of a setting; copies are equal, and one key."""
    settings = Settings()
    layers = getattr(settings, name)
    with pytest.raises(TypeError):
        layers["relu4_2"] = 9
    with pytest.raises(AttributeError, match="layers never change"):
        layers._weights = {}
    for again in (pickle.loads(pickle.dumps(settings)), copy.deepcopy(settings), copy.copy(settings)):
        assert again == settings
        assert hash(again) == hash(settings)
    turned = Layers(dict(reversed([*layers.items()])))
    assert (turned == layers, hash(turned) == hash(layers)) == (True, True)


ANYTHING = st.recursive(
    st.one_of(
        *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters(exclude_categories=["Cs"]))),
        *(st.binary(), st.complex_numbers(), st.just(10**400), st.just(object()), st.just(Layers("relu1_1=2"))),
        *(st.integers(0, 9).map(np.int16), st.floats(width=32).map(np.float32), st.text(max_size=3).map(np.array)),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=4,
)


@hypothesis.settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=500)
@given(name=st.sampled_from(SETTINGS), value=ANYTHING)
def test_any_value_is_taken_or_refused_by_name(name: str, value: Any, unchecked: None) -> None:
    """A value of any type is refused with the setting's name, or becomes a plain one that TOML gives back."""
    settings, refusal = None, name
    try:
        settings = Settings(**{name: value})
    except ValueError as error:
        refusal = str(error)
    assert name in refusal
    assert settings is None or Settings().with_values(tomllib.loads(tables.dump(settings))) == settings
    assert pickle.loads(pickle.dumps(settings)) == settings
    assert hash(settings) == hash(copy.deepcopy(settings))


def test_every_setting_is_named() -> None:
    """Settings are given by name only, and every field has a range or choices that are tested here."""
    with pytest.raises(TypeError):
        Settings(512)  # type: ignore[misc]
    assert set(SETTINGS) == {field.name for field in dataclasses.fields(Settings)} == {*RIGHT, *CHOICES}


WRITTEN: dict[str, Any] = {
    "text": "relu1_1=256,relu2_1=64,relu3_1",
    "text with spaces": " relu1_1 = 256, relu2_1=6.4e1 ,relu3_1,",
    "names": ["relu1_1=256", "relu2_1=64", "relu3_1"],
    "tuple": ("relu1_1=256", "relu2_1=64", "relu3_1=1"),
    "mapping": {"relu1_1": 256, "relu2_1": 64, "relu3_1": 1},
    "Keras' names": "block1_conv1=256,block2_conv1=64,block3_conv1",
}


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
def test_layers_are_read_as_they_are_written(written: Any, unchecked: None) -> None:
    """Text, names and mappings give the same layers, in their order; a name alone weighs 1."""
    expected = {"relu1_1": 256.0, "relu2_1": 64.0, "relu3_1": 1.0}
    for layers in (Layers(written), Settings(style_layers=written).style_layers):
        assert isinstance(layers, Layers)
        assert list(layers.items()) == list(expected.items())
        assert all(type(weight) is float for weight in layers.values())


def test_layers_are_written_as_they_are_read() -> None:
    """The text of layers is one that gives them."""
    layers = Layers("relu1_1=256,relu2_1=0.5,pool3=1e-06")
    assert str(layers) == "relu1_1=256,relu2_1=0.5,pool3=1e-06"
    assert Layers(str(layers)) == layers


@pytest.mark.parametrize("nothing", ["", " ", ",", (), {}], ids=repr)
def test_there_may_be_no_layers(nothing: Any) -> None:
    """Nothing is no layer, and not a layer without a name."""
    assert Layers(nothing) == {}
    assert Layers(nothing).shares == {}


def test_shares_sum_to_one() -> None:
    """Shares are weights over their sum; what weighs nothing has none."""
    assert Layers("relu1_1=3,relu2_1=0,relu3_1=1").shares == {"relu1_1": 0.75, "relu3_1": 0.25}


@pytest.mark.parametrize("field", ["content_layers", "style_layers"])
@pytest.mark.parametrize(
    ("layer", "near"), [("relu4_9", "relu4_"), ("conv41", "conv4_1"), ("block4_conv9", "block4_conv")]
)
def test_an_unknown_layer_names_the_nearest(field: str, layer: str, near: str, unchecked: None) -> None:
    """A layer that VGG19 does not have is refused, with the field and one that it has."""
    with pytest.raises(ValueError, match=rf"^{field}: vgg19 has no layer '{layer}': did you mean .*{near}"):
        Settings(**{field: f"relu1_1,{layer}"})


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ("relu1_1=much", "style_layers: weight of relu1_1 must be a number, not 'much'"),
        ("relu1_1=", "style_layers: weight of relu1_1 must be a number, not ''"),
        ("relu1_1=-1", "style_layers: the weight of relu1_1 must be a number from 0 on, not -1.0"),
        ("relu1_1=nan", "style_layers: the weight of relu1_1 must be a number from 0 on, not nan"),
        ("relu1_1=inf", "style_layers: the weight of relu1_1 must be a number from 0 on, not inf"),
        ("relu1_1=0,relu2_1=0", "style_layers: the weights are all 0"),
        ("relu1_1,relu1_1=2", "style_layers: a layer is named twice in relu1_1, relu1_1"),
        ("relu1_1,block1_conv1", "style_layers: a layer is named twice in relu1_1, block1_conv1"),
        ({"relu1_1": None}, "style_layers: weight of relu1_1 must be a number, not None"),
    ],
    ids=str,
)
def test_refuses_weights_that_are_none(layers: Any, message: str, unchecked: None) -> None:
    """A weight that is no number from 0 on, weights of 0 only, and a layer twice are refused by name."""
    with pytest.raises(ValueError) as caught:
        Settings(style_layers=layers)
    assert str(caught.value) == message


@pytest.mark.parametrize("layer", ["fc6", "relu7", "prob", "predictions"])
def test_refuses_layers_that_are_no_maps(layer: str) -> None:
    """The classifier has no place in style transfer."""
    with pytest.raises(ValueError, match="style_layers must be convolutions, rectifications or pools, not "):
        Settings(style_layers=Layers(layer))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (512, ("longest", (512,))),
        ("512", ("longest", (512,))),
        (" 512 ", ("longest", (512,))),
        ("800x600", ("exact", (800, 600))),
        ("800X600", ("exact", (800, 600))),
        ("800x", ("width", (800,))),
        ("x600", ("height", (600,))),
        ("2MP", ("area", (2,))),
        ("0.5mp", ("area", (0.5,))),
        (".25MP", ("area", (0.25,))),
    ],
)
def test_sizes_are_read_as_they_are_written(written: int | str, expected: tuple[str, tuple[float, ...]]) -> None:
    """The longest side, both sides, one of them, or an area."""
    assert parse_size("size", written) == expected


@pytest.mark.parametrize("name", ["size", "style_size"])
@pytest.mark.parametrize(
    "written", ["", "x", "big", "-5", "5.5", "3 x 4", "0x10", "10x0", "0MP", "MP", "1x2x3", 1.5, True, None], ids=repr
)
def test_refuses_what_is_no_size(name: str, written: Any, unchecked: None) -> None:
    """What is no size, or not above 0, is refused with how one is written."""
    with pytest.raises(ValueError, match=f"^{name} must be like 512, 800x600, 800x, x600 or 2MP, and above 0, not "):
        parse_size(name, written)
    if written is not None:
        with pytest.raises(ValueError, match=f"^{name} must be like"):
            Settings(**{name: written})


def test_settings_are_hashable_and_short() -> None:
    """Equal settings are one key, and the text of settings names those that are not the default."""
    assert len({Settings(), Settings.preset("default"), Settings(seed=1), Settings(seed=1)}) == 2
    assert repr(Settings()) == "Settings()"
    assert repr(Settings(size=256, style_layers=Layers("relu1_1=2"))) == "Settings(size=256, style_layers='relu1_1=2')"


def test_presets_take_changes() -> None:
    """`Settings.preset` returns a preset with other values; unknown names are errors with the nearest one."""
    found = Settings.preset("gatys", size=256)
    assert (found.size, found.optimizer) == (256, "lbfgs")
    with pytest.raises(ValueError, match="no preset 'gatis': did you mean gatys"):
        Settings.preset("gatis")
    with pytest.raises(ValueError, match="no setting 'sise': did you mean size"):
        Settings.preset("gatys", sise=256)


def run_unchecked(program: str) -> str:
    """Run lines in a process of their own, without the type checker of the tests, and return what they print."""
    lines = f"import numpy as np\nfrom pathlib import Path\nfrom myvgg.nst.settings import Settings\n{program}"
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_values_of_numpy_are_those_of_python() -> None:
    """Numbers of NumPy and a path become plain values, which a record and a checkpoint can hold."""
    program = """
given = dict(size=np.int64(64), tv_weight=np.float32(0.5), style_blend=np.array([1, 2]), init=Path("a.png"))
settings, plain = Settings(**given), Settings(size=64, tv_weight=0.5, style_blend=(1.0, 2.0), init="a.png")
print(settings == plain, hash(settings) == hash(plain), *(type(getattr(settings, name)).__name__ for name in given))
"""
    assert run_unchecked(program) == "True True int float tuple str"


def test_values_of_another_type_are_refused() -> None:
    """A value of another type is refused where the settings are made, and named."""
    wrong = [
        ("balance", "false"),
        ("balance", "no"),
        ("balance", 0),
        ("balance", None),
        ("max_memory", True),
        ("max_memory", "4"),
    ]
    wrong += [
        ("init", 3),
        ("style_blend", "ab"),
        ("tv_weight", "1"),
        ("tv_weight", True),
        ("seed", 0.5),
        ("size", None),
    ]
    program = f"""
for name, value in {wrong!r}:
    try:
        Settings(**{{name: value}})
    except ValueError as error:
        print(str(error).startswith(f"{{name}} must"), end=" ")
"""
    assert run_unchecked(program).split() == ["True"] * len(wrong)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"style_weight": 1e300}, "style_weight must be at most 1e\\+30"),
        ({"style_weight": 1e20, "style_strength": 1e20}, "style_weight times style_strength must be at most"),
        ({"style_layers": {"relu1_1": 1e308}}, "style_layers: the weight of relu1_1 must be at most"),
        ({"content_layers": {"relu4_2": True}}, "content_layers: the weight of relu4_2 must be a number, not True"),
        ({"content_layers": "relu4_2=1_0"}, "the weight of relu4_2 must be a number, not '1_0'"),
        (
            {"content_layers": 5},
            "content_layers: layers are written relu1_1=16,relu2_1=8, or as a mapping, and not 5",
        ),
    ],
)
def test_weights_that_no_loss_can_have(values: dict[str, Any], problem: str) -> None:
    """Weights beyond float32, and values that only look like numbers, are refused by name."""
    with pytest.raises(ValueError, match=problem):
        Settings().with_values(values)


def test_settings_above_a_draft_compare_statistics_alone() -> None:
    """Above a draft, a loss without statistics is replaced too, and the content is compared at the last layer."""
    losses = (("wasserstein+neighbors", "wasserstein"), ("gram", "gram"), ("remd", "wasserstein"))
    for loss, statistic in losses:
        settings = Settings().with_values(
            {"style_loss": loss, "content_weight": 0.5, "detail_layers": "relu1_1=3,relu2_1", "draft": 64}
        )
        details = settings.above_draft
        assert (details.style_loss, details.matched_layers, details.sampled_layers) == (statistic, {}, {})
        assert (details.moment_layers, details.compared_layers) == ({"relu1_1": 0.75, "relu2_1": 0.25}, {"relu2_1": 1})
        assert details.content_weight == 2
    assert Settings().above_draft == Settings()
    turned = Settings(detail_layers=Layers("relu2_1,relu1_1=3")).above_draft
    assert turned.compared_layers == {"relu2_1": 1}
    without = Settings().with_values({"content_loss": "self-similarity", "detail_layers": "relu1_1"}).above_draft
    assert without.layers == ["relu1_1"]
    assert without.compared_layers == {}
    assert Settings(content_weight=5e29, detail_layers=Layers("relu1_1")).above_draft.content_weight == 1e30


def test_detail_layers_count_where_there_is_a_draft() -> None:
    """They are among all layers only then, by which pictures are checked and tiles are cut."""
    settings = Settings(detail_layers=Layers("relu5_1"))
    assert "relu5_1" not in settings.layers
    assert "relu5_1" in dataclasses.replace(settings, draft=64).layers
