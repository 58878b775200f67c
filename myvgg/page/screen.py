"""The part of the page that changes while a picture improves: picture, sentence, bar and the curve of the losses."""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Sequence

from myvgg.page.orders import Ticket

CURVE = (320, 64)
"""Width and height of the curve, in its own units."""

MAX_POINTS = 160
"""Number of points of the curve, at most."""


def drawn(ticket: Ticket | None) -> str:
    """Return the HTML of an order.

    Args:
        ticket: The order; None before the first one.
    """
    if ticket is None:
        return '<div class="screen empty"><p role="status">The result will appear here.</p></div>'
    picture = "<div class='waiting'></div>"
    if ticket.frame:
        encoded = base64.b64encode(ticket.frame).decode()
        picture = f'<img src="data:image/jpeg;base64,{encoded}" alt="The picture so far">'
    left = f", {_time(ticket.seconds_left)} left" if ticket.seconds_left and not ticket.is_over else ""
    percent = round(100 * ticket.fraction)
    return (
        f'<div class="screen {ticket.state}" data-frames="{ticket.frames}">{picture}'
        f'<p role="status">{html.escape(ticket.sentence or ticket.state)}{left}</p>'
        f'<progress max="100" value="{percent}" aria-label="progress">{percent} %</progress>'
        f"{curve(ticket.losses)}</div>"
    )


def curve(losses: Sequence[float]) -> str:
    """Return a curve of losses as an SVG, on a scale of logarithms; empty for fewer than two.

    Args:
        losses: The loss of each step.
    """
    finite = [math.log(loss) for loss in losses if 0 < loss < math.inf]
    if len(finite) < 2:
        return ""
    step = math.ceil(len(finite) / MAX_POINTS)
    points = finite[::step]
    low, high = min(points), max(points)
    width, height = CURVE
    across, up = width / max(1, len(points) - 1), height / ((high - low) or 1)
    path = " ".join(f"{x * across:.1f},{height - (y - low) * up:.1f}" for x, y in enumerate(points))
    title = f"loss from {losses[0]:.3g} to {losses[-1]:.3g}"
    return (
        f'<svg class="curve" viewBox="-2 -2 {width + 4} {height + 4}" role="img" aria-label="{title}">'
        f'<title>{title}</title><polyline points="{path}"/></svg>'
    )


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
