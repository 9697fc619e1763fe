"""Figures of merit that are computed from accuracies: effect sizes, speed of learning, forgetting."""
