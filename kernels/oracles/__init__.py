"""Plain NumPy float64 references: slow, obvious, and what every kernel is tested against."""
