"""The plan of a run as text: its scales with their times and memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from myvgg.nst.plan import Plan


def describe(plan: Plan) -> str:
    """Write a plan as a table."""
    lines = [f"{'scale':<7}{'size':>13}{'steps':>8}{'time':>12}{'memory':>10}"]
    for number, scale in enumerate(plan.scales, 1):
        size = f"{scale.size[0]} x {scale.size[1]}"
        line = _line(f"{number}/{len(plan.scales)}", size, scale.steps, scale.seconds, scale.memory)
        lines.append(line if scale.tile is None else f"{line}  in tiles of {scale.tile}")
    lines.append(_line("all", "", plan.steps, plan.seconds, plan.memory))
    lines.append(f"time and memory are estimates; seed {plan.seed}")
    return "\n".join([*lines, *over_limit(plan)])


def over_limit(plan: Plan) -> list[str]:
    """Return a sentence if the user's limit of memory cannot be kept."""
    if plan.limit is None or not plan.is_over_limit:
        return []
    needed = bytes_text(plan.memory)
    return [f"max_memory {plan.limit / 1e9:g} GB cannot be kept: in its smallest tiles the run takes about {needed}"]


def seconds_text(seconds: float) -> str:
    """Write a time in the two largest units that matter."""
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def bytes_text(size: float) -> str:
    """Write a number of bytes."""
    return f"{size / 1e9:.1f} GB"


def _line(name: str, size: str, steps: int, seconds: float, needed: float) -> str:
    return f"{name:<7}{size:>13}{steps:>8}{seconds_text(seconds):>12}{bytes_text(needed):>10}"
