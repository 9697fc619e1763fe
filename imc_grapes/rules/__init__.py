"""One update rule for a whole model, on tiles and beside them; the rules themselves are in `crossbar.rules`."""

from imc_grapes.rules.optimizer import optimizer

__all__ = ["optimizer"]
