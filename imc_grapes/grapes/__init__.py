"""The GRAPES algorithm: which layers, which factors, and where the error is modulated."""

from imc_grapes.grapes.algorithm import Grapes

__all__ = ["Grapes"]
