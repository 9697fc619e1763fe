"""Bits and energies as people say them."""


def bits_in_words(bits: float) -> str:
    """``0``, ``812 bit``, ``6.35 Mbit``."""
    return "0" if bits == 0 else f"{_scaled(bits, ('', 'k', 'M', 'G', 'T'))}bit"


def energy_in_words(picojoules: float) -> str:
    """``812 pJ``, ``1.43 µJ``."""
    return f"{_scaled(picojoules, ('p', 'n', 'µ', 'm', ''))}J"


def time_in_words(nanoseconds: float) -> str:
    """``812 ns``, ``37.5 µs``."""
    return f"{_scaled(nanoseconds, ('n', 'µ', 'm', ''))}s"


def _scaled(value: float, prefixes: tuple[str, ...]) -> str:
    index = 0
    while value >= 999.5 and index < len(prefixes) - 1:
        value, index = value / 1000.0, index + 1
    return f"{value:.3g} {prefixes[index]}"
