"""K devices per polarity against digital matrices: area and energy of both."""

import altair as alt
import pandas as pd

from imc_grapes.experiment.footprint.footprint import Footprint
from imc_grapes.pictures import style
from imc_grapes.pictures.picture import Picture

_PANEL, _ROW = 300, 30


def storage_picture(footprint: Footprint) -> Picture:
    """Two panels, area and energy per weight; one row per storage option."""
    weights = footprint.held_layer.weights
    names = list(footprint.storage_options)
    frame = pd.DataFrame(
        {
            "option": name,
            "kind": "analog devices" if name.startswith("K") else "digital matrix",
            "quantity": quantity,
            "low": interval.low / weights,
            "typical": interval.typical / weights,
            "high": interval.high / weights,
        }
        for name, one in footprint.storage_options.items()
        for quantity, interval in (("area", one.area_um2), ("energy", one.energy_pJ))
    )
    base = alt.Chart().encode(
        y=alt.Y("option:N", sort=names, title=None),
        color=alt.Color(
            "kind:N",
            scale=alt.Scale(
                domain=["analog devices", "digital matrix"], range=["#009e73", "#d55e00"]
            ),
        ),
    )

    powers_of_ten = alt.Axis(format=",~g", values=[10.0**power for power in range(-3, 7)])

    def panel(quantity: str, title: str) -> alt.LayerChart:
        chosen = base.transform_filter(f"datum.quantity == '{quantity}'")
        scale = alt.Scale(type="log", padding=14)
        ranges = chosen.mark_rule(strokeWidth=2).encode(
            x=alt.X("low:Q", title=title, scale=scale, axis=powers_of_ten), x2="high:Q"
        )
        points = chosen.mark_point(filled=True, size=90, opacity=1).encode(
            x=alt.X("typical:Q", title=title, scale=scale)
        )
        return alt.layer(ranges, points).properties(width=_PANEL, height=_ROW * len(names))

    chart = alt.hconcat(
        panel("area", "area per weight (µm²)"),
        panel("energy", "energy per weight and update (pJ)"),
    )
    return Picture(
        name="devices-or-digital",
        title="K devices per polarity, or a digital matrix",
        caption=f"Layer {footprint.held_layer.name}. Energy: pulses, memory, the optimizer's arithmetic, and what the "
        "devices draw while the mini-batch is read forward and back. K devices take K times the pulses for one change.",
        spec=style.finished(chart, frame),
    )
