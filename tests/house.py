"""The structure of the code, measured: `python -m tests.house` lists it, and fails where a rule is broken.

`python -m tests.house --rooms` prints the table of modules for ARCHITECTURE.md, made of their docstrings.

Rules: no circle of imports, no folder of modules with more than a quarter of the code, no two modules of one name.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import grimp

ROOT = Path(__file__).parents[1]
PACKAGES = ("myvgg", "converters")
LARGEST_SHARE = 0.25
"""Part of the code that one folder may hold."""

SHARED_NAMES = {"__init__", "__main__", "export", "extract", "features"}
"""Names of modules that may occur twice: a command is named like the function or the package that it calls."""


class Module(NamedTuple):
    """A module and its size.

    Attributes:
        path: From the root of the repository.
        lines: Number of lines.
        classes: Number of classes.
        functions: Lines of each function.
        any: Number of times that `Any` is written.
    """

    path: Path
    lines: int
    classes: int
    functions: list[int]
    any: int


def modules() -> list[Module]:
    """Measure all modules."""
    return [_measured(path) for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def folders(found: list[Module]) -> dict[Path, int]:
    """Add up the lines of each folder, without its subfolders."""
    lines: defaultdict[Path, int] = defaultdict(int)
    for module in found:
        lines[module.path.parent] += module.lines
    return dict(lines)


def circles() -> list[list[str]]:
    """Return the groups of modules that import each other in a circle, imports inside of functions included."""
    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=True)
    ahead = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    return [sorted(group) for group in _components(ahead) if len(group) > 1]


def problems(found: list[Module]) -> Iterator[str]:
    """Yield a sentence for each broken rule."""
    for group in circles():
        yield f"a circle of imports: {', '.join(group)}"
    total = sum(module.lines for module in found)
    for folder, lines in folders(found).items():
        if lines > LARGEST_SHARE * total:
            yield f"{folder} holds {lines / total:.0%} of the code, more than {LARGEST_SHARE:.0%}"
    for name, count in Counter(module.path.stem for module in found).items():
        if count > 1 and name not in SHARED_NAMES:
            yield f"{count} modules are called {name}"


def rooms() -> str:
    """Write a table of all modules with the first line of their docstrings."""
    lines = ["| module | idea |", "|---|---|"]
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py"), key=lambda each: (each.parent, each.name)):
            idea = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")[0]
            name = path.relative_to(ROOT).as_posix()
            if path.name != "__main__.py":
                lines.append(f"| `{name}` | {idea} |")
    return "\n".join(lines)


def _measured(path: Path) -> Module:
    text = path.read_text(encoding="utf-8")
    nodes = list(ast.walk(ast.parse(text)))
    functions = [
        (node.end_lineno or 0) - node.lineno + 1 - _docstring_lines(node)
        for node in nodes
        if isinstance(node, ast.FunctionDef)
    ]
    classes = sum(isinstance(node, ast.ClassDef) for node in nodes)
    anys = sum(isinstance(node, ast.Name) and node.id == "Any" for node in nodes)
    return Module(path.relative_to(ROOT), len(text.splitlines()), classes, functions, anys)


def _docstring_lines(node: ast.FunctionDef) -> int:
    first = node.body[0]
    has_docstring = ast.get_docstring(node) is not None
    return (first.end_lineno or 0) - first.lineno + 1 if has_docstring else 0


def _components(ahead: dict[str, set[str]]) -> Iterator[set[str]]:
    """Yield the strongly connected components: modules that reach each other."""
    reached = {name: _reached(name, ahead) for name in ahead}
    left = set(ahead)
    while left:
        name = left.pop()
        group = {name} | {other for other in reached[name] if name in reached[other]}
        left -= group
        yield group


def _reached(start: str, ahead: dict[str, set[str]]) -> set[str]:
    found, waiting = set[str](), [start]
    while waiting:
        for name in ahead[waiting.pop()] - found:
            found.add(name)
            waiting.append(name)
    return found


def main() -> int:
    """Print the listing and the problems; return 1 if there are any."""
    if "--rooms" in sys.argv:
        print(rooms())
        return 0
    found = modules()
    total = sum(module.lines for module in found)
    for folder, lines in sorted(folders(found).items(), key=lambda each: -each[1]):
        print(f"{lines:6} lines, {lines / total:4.0%}  {folder}")
        for module in sorted(found, key=lambda each: -each.lines):
            if module.path.parent == folder:
                longest = max(module.functions, default=0)
                print(f"{module.lines:9} {module.path.name:24} longest function {longest}")
    functions = sorted(lines for module in found for lines in module.functions)
    print(
        f"{len(found)} modules, {total} lines, {sum(module.classes for module in found)} classes, "
        f"{len(functions)} functions of {functions[len(functions) // 2]} lines in the middle and {functions[-1]} at "
        f"most, {sum(module.any for module in found)} times Any"
    )
    broken = list(problems(found))
    print("\n".join(broken) or "no circle of imports, no folder with more than a quarter of the code")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
