"""The mean of a SET pulse whose end is normal and cut at both ends of the range, in closed form and float64."""

from math import erf, exp, pi, sqrt


def expected_step(g: float, mean: float, std: float, g_min: float, g_max: float) -> float:
    """E[clip(g + N(mean, std), g_min, g_max)] - g, µS."""
    if std == 0.0:
        return min(max(g + mean, g_min), g_max) - g

    def mean_above(level: float) -> float:
        """E[max(x - level, 0)] for x ~ N(g + mean, std)."""
        a = (g + mean - level) / std
        return std * (exp(-0.5 * a * a) / sqrt(2.0 * pi) + a * 0.5 * (1.0 + erf(a / sqrt(2.0))))

    return g_min + mean_above(g_min) - mean_above(g_max) - g
