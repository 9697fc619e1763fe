from crossbar import ColumnCurrent
from imc_grapes import register


@register.readout("rough")
class Rough(ColumnCurrent):
    """A column current that is read with an error of gain."""

    gain: float = 1.1

    def combined(self, values):
        return super().combined(values) * self.gain
