"""Train a network: the loop, the optimizers, checkpoints."""
