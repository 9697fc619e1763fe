from imc_grapes.experiment import Listener


class StopAfter(Listener):
    """Asks to stop when so many batches are over, and keeps the epochs that it was told of."""

    def __init__(self, batches):
        self.left = batches
        self.epochs = []

    def step(self):
        self.left -= 1

    def epoch(self, metrics):
        self.epochs.append(metrics.epoch)

    def stop_requested(self):
        return self.left <= 0
