"""A picture with its words."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Picture:
    """One Vega-Lite chart and what stands around it."""

    name: str
    """Of its files, without the ending."""
    title: str
    caption: str
    spec: dict[str, Any]
    """Vega-Lite, complete with its data."""

    @property
    def has_legend_choice(self) -> bool:
        """Whether a click in the legend singles a method out."""
        return any(param.get("bind") == "legend" for param in self.spec.get("params", []))
