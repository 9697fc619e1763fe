"""Layers whose float weights are trained in the computer and programmed into arrays of devices once."""
