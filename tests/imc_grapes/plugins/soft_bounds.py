from device_models import TrainingModel
from imc_grapes import register


@register.device("soft_bounds")
class SoftBounds(TrainingModel):
    """Steps that shrink with the room that is left."""

    source = "this test"
    g_max_uS: float = 20.0
    step_uS: float = 0.4
    noise: float = 0.3

    @staticmethod
    def set_pulse(g, state, i, constants, z):
        step = constants[1] * (1.0 - g[i] / constants[0])
        g[i] = min(max(g[i] + step * (1.0 + constants[2] * z), 0.0), constants[0])

    @staticmethod
    def reset_pulse(g, state, i, constants, z):
        g[i] = 0.0
