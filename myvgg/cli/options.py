"""Options of a command, as a record has them: each field is an option, and the docstring below it is the help.

Name, type, default and docstring of a field say nearly all about an option. `Option` says the rest:

    @dataclass(frozen=True)
    class Arguments:
        size: int = 224
        'Side of the picture.'
        output: Annotated[Path, Option("-o", group="files")] = Path("out.png")
        'File to write.'
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints

from myvgg.cli.kinds import kind_of
from myvgg.cli.layout import JOINED, sentences, shown


@dataclass(frozen=True)
class Option:
    """An option, as far as its field does not describe it.

    Attributes:
        short: One letter with a dash, such as `-o`.
        metavar: Name of the value in the help; the type has one, too.
        group: Title of the group in the help.
        positional: The values stand alone, without a name before them.
        repeated: The option may be given several times, with one value each.
        without: Sentences about `--no-NAME`; a boolean without them cannot be turned off.
        former: An earlier or a shorter name, which is understood and not in the help.
    """

    short: str = ""
    metavar: str = ""
    group: str = "options"
    positional: bool = False
    repeated: bool = False
    without: str = ""
    former: str = ""


class Entry(NamedTuple):
    """An option with all that the help says about it.

    Attributes:
        name: Name of the field.
        hint: Type of the field.
        option: What the type does not say.
        text: Sentences of the help.
        default: Value in the help.
        source: Word before this value.
        required: The value must be there.
    """

    name: str
    hint: Any
    option: Option
    text: str
    default: Any = None
    source: str = "default"
    required: bool = False

    @property
    def word(self) -> str:
        """The option as it is written, without its leading dashes."""
        return self.name.replace("_", "-")

    @property
    def metavar(self) -> str:
        """Name of the value in the help."""
        return self.option.metavar or kind_of(self.hint).metavar

    @property
    def help(self) -> str:
        """The sentences and the default value, for argparse."""
        value = shown(self.default)
        text = self.text + f" ({self.source}:{JOINED}{value})" * bool(value)
        return text.replace("%", "%%")


def entries(record: type) -> list[Entry]:
    """Return the options of a record: its own fields, then those of the record that it extends.

    A field whose default is made by a function is no option.
    """
    hints, texts = get_type_hints(record, include_extras=True), sentences(record)
    found = []
    for each in sorted(fields(record), key=lambda each: each.name not in record.__annotations__):
        if each.default_factory is MISSING:
            hint, option = _split(hints[each.name])
            default = None if each.default is MISSING else each.default
            text = texts.get(each.name, "")
            found.append(Entry(each.name, hint, option, text, default, required=each.default is MISSING))
    return found


def _split(hint: Any) -> tuple[Any, Option]:
    """Split what is annotated into the type and the option."""
    if get_origin(hint) is not Annotated:
        return hint, Option()
    kind, option = get_args(hint)
    return kind, option
