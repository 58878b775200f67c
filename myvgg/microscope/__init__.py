"""The microscope: pictures of what the network sees, of its channels, its layers and its classes."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from myvgg.microscope.dreams import dream as dream
    from myvgg.microscope.evidence import Evidence as Evidence
    from myvgg.microscope.evidence import gradient_map as gradient_map
    from myvgg.microscope.evidence import occlusion_map as occlusion_map
    from myvgg.microscope.five_layers import inversions as inversions
    from myvgg.microscope.five_layers import styles as styles
    from myvgg.microscope.neurons import neuron as neuron
    from myvgg.microscope.neurons import spectrum as spectrum

_HOMES = {
    "neuron": "myvgg.microscope.neurons",
    "spectrum": "myvgg.microscope.neurons",
    "dream": "myvgg.microscope.dreams",
    "occlusion_map": "myvgg.microscope.evidence",
    "gradient_map": "myvgg.microscope.evidence",
    "Evidence": "myvgg.microscope.evidence",
    "inversions": "myvgg.microscope.five_layers",
    "styles": "myvgg.microscope.five_layers",
}
"""The module of each public name."""

__all__ = ["neuron", "spectrum", "dream", "occlusion_map", "gradient_map", "Evidence", "inversions", "styles"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'myvgg.microscope' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
