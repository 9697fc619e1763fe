"""Pictures, and music, of one finished run: what its units do, what it predicts, how it ages."""

from imc_grapes.pictures.run.draw import draw_run

__all__ = ["draw_run"]
