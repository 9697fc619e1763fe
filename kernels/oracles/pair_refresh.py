"""Float64 reference of `kernels.pair_refresh` for one pair that is due."""

from collections.abc import Callable, Iterator


def refresh_pair(
    difference: float,
    levels: tuple[float, float],
    set_pulse: Callable[[float, int, float], float],
    expected_step: Callable[[float, int], float],
    noise: tuple[Iterator[float], Iterator[float]],
    chance: float,
    max_pulses: int,
) -> tuple[float, float, int]:
    """The two conductances after the refresh, µS, and the SET pulses that it took.

    Args:
        difference: G+ - G- before, µS.
        levels: conductances after the RESET, µS.
        set_pulse: the conductance after one pulse, from (g, earlier pulses since RESET, z).
        expected_step: what that pulse adds in expectation, from (g, earlier pulses since RESET).
        noise: z of the draws 1, 2, 3 ... of the pair, for G+ and for G-.
        chance: uniform in (0, 1], decides on the last pulse.
        max_pulses: most pulses of the pair.
    """
    g = list(levels)
    taken = [0, 0]
    for _ in range(max_pulses):
        missing = difference - (g[0] - g[1])
        side = 0 if missing >= 0.0 else 1
        step = expected_step(g[side], taken[side])
        last = abs(missing) < step
        if last and chance * step > abs(missing):
            break
        draws = next(noise[0]), next(noise[1])
        g[side] = set_pulse(g[side], taken[side], draws[side])
        taken[side] += 1
        if last:
            break
    return g[0], g[1], sum(taken)
