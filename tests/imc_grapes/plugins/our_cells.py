from device_models import ProjectedDrift
from imc_grapes import register


@register.statistics("our_cells")
def our_cells():
    """Our own cells."""
    return {"drift": ProjectedDrift()}
