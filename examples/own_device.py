"""A device of your own, trained in place; `imc-grapes --plugin own_device.py run own_device.yaml` does the same."""

from pathlib import Path

import numpy as np

from device_models import TrainingModel
from imc_grapes import load_run_config, register, run_experiment


@register.device("soft_bounds", label="soft bounds")
class SoftBounds(TrainingModel):
    """Steps that shrink with the room that is left, noisy from pulse to pulse, of another size in every device."""

    source = "an example"
    state_rows = ("step of this device, relative to the mean device",)
    g_max_uS: float = 20.0
    step_uS: float = 0.5
    """First step of the mean device after a RESET, µS."""
    step_noise: float = 0.5
    """Standard deviation from pulse to pulse, relative to the step."""
    step_spread: float = 0.2
    """Standard deviation from device to device, relative to step_uS."""

    def fresh_state(self, n_devices: int, seed: int) -> np.ndarray:
        drawn = np.random.default_rng(seed).normal(1.0, self.step_spread, (1, n_devices))
        return np.maximum(drawn, 0.0).astype(np.float32)

    @property
    def granularity_uS(self) -> float:
        return self.step_uS

    @staticmethod
    def set_pulse(g, state, i, constants, z):
        g_max, step, noise = constants[0], constants[1], constants[2]
        mean = step * state[0, i] * (1.0 - g[i] / g_max)
        g[i] = min(max(g[i] + mean * (1.0 + noise * z), 0.0), g_max)

    @staticmethod
    def reset_pulse(g, state, i, constants, z):
        g[i] = 0.0


if __name__ == "__main__":
    summary = run_experiment(load_run_config(Path(__file__).with_suffix(".yaml"))).summary
    print(f"{summary['hardware']}: test accuracy {100 * summary['test_accuracy']:.1f} %")
