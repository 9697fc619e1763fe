"""Progress callbacks of an experiment; the base class does nothing."""

from imc_grapes.training.epoch_metrics import EpochMetrics


class Listener:
    """Progress callbacks: a subclass overrides those that it needs."""

    def stage(self, name: str, steps: int, done: int = 0) -> None:
        """A stage of `steps` steps begins, `done` of them done before (in a run that is resumed)."""

    def step(self) -> None:
        """One step of the running stage is over."""

    def epoch(self, metrics: EpochMetrics) -> None:
        """An epoch is over."""

    def stop_requested(self) -> bool:
        """Asked after every batch: whether the user wants to stop."""
        return False
