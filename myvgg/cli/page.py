"""`myvgg app`: style transfer on a page in the browser."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from myvgg.cli import parser
from myvgg.cli.arguments import load_weights
from myvgg.cli.options import Option
from myvgg.cli.program import command
from myvgg.runtime.errors import UsageError

if TYPE_CHECKING:
    from myvgg.params import Params

MAX_PORT = 65_535
"""Largest number of a port."""


@dataclass(frozen=True)
class Arguments:
    """Open a page in the browser, on which photographs get the style of paintings.

    The page is there until Ctrl-C ends it. Its files are removed then, so download the pictures that you want to keep.
    Nothing leaves this machine.
    """

    host: Annotated[str, Option(metavar="NAME")] = "localhost"
    """Address of the page. By default only this machine can reach it; 0.0.0.0 lets others, who need the password."""

    port: int | None = None
    """Port of the page. By default the first free one from 7860 on."""

    password: str | None = None
    """Password of the user myvgg. By default there is none on localhost, and a random one on other addresses."""

    browser: bool = False
    """Open the page in the browser of this machine."""

    weights: Annotated[str, Option(metavar="FILE")] = "auto"
    """Weights file, or bundled, random, or auto: the first that is found of MYVGG_WEIGHTS, the checkout's, those in the
    cache, and the bundled ones."""


def parse(argv: Sequence[str], *, program: str = "myvgg app") -> Arguments:
    """Read the words of the command into its record.

    Raises:
        UsageError: Words that are not understood, no such port, or an empty password.
        SystemExit: The words ask for the help, which is printed.
    """
    arguments = parser.read(Arguments, argv, program=program)
    if arguments.port is not None and not 1 <= arguments.port <= MAX_PORT:
        raise UsageError(f"--port must be from 1 to {MAX_PORT}, not {arguments.port}")
    if arguments.password == "":
        raise UsageError("--password must not be empty")
    return arguments


def _serve(arguments: Arguments) -> None:
    """Serve the page until Ctrl-C.

    Raises:
        ValueError: Gradio is missing; the message names the extra.
        OSError: There is no such host, or the port is taken.
    """
    from myvgg.page.serving import USER, served

    def load() -> Params:
        return load_weights(arguments.weights, include_top=False, bundled_first=True)

    try:
        with served(load, host=arguments.host, port=arguments.port, password=arguments.password) as page:
            if page.password is not None:
                print(f"user {USER}, password {page.password}")
            print(f"{page.url}  (Ctrl-C ends it)", flush=True)
            if arguments.browser:
                import webbrowser

                webbrowser.open(page.url)
            threading.Event().wait()
    except KeyboardInterrupt:
        return
    except ModuleNotFoundError as error:
        if error.name != "gradio":
            raise
        raise ValueError(f"the page needs {error.name}, which is not installed: pip install 'myvgg[app]'") from error


main = command("myvgg app", parse, _serve)
