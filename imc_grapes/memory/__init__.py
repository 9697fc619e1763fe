"""Memory that an optimizer really takes on the host, measured."""

from imc_grapes.memory.optimizer_state import closed_form_bytes, measured_bytes
from imc_grapes.memory.step_peak import peak_bytes_of_step

__all__ = ["closed_form_bytes", "measured_bytes", "peak_bytes_of_step"]
