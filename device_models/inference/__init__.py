"""Inference statistics: what a device holds after it was programmed once, as time goes by."""
