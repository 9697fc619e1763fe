"""GRAPES on simulated phase-change-memory crossbars: train, evaluate, compare."""
