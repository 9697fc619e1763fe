"""Human-readable quantities: numbers, sizes, durations."""

_UNITS = (
    (31536000.0, "year"),
    (2592000.0, "month"),
    (86400.0, "day"),
    (3600.0, "hour"),
    (60.0, "minute"),
)


def time_in_words(seconds: float) -> str:
    """``25 s``, ``1 hour``, ``2 days``: the largest unit that fits; a month has 30 days, a year 365."""
    for size, unit in _UNITS:
        if seconds >= size:
            count = seconds / size
            return f"{count:.3g} {unit}{'' if count == 1 else 's'}"
    return f"{seconds:.3g} s"


def bytes_in_words(count: int) -> str:
    """``0 bytes``, ``812 bytes``, ``204 KiB``, ``1.5 MiB``."""
    if count < 1024:
        return f"{count} byte{'' if count == 1 else 's'}"
    size, unit = count / 1024, "KiB"
    for larger in ("MiB", "GiB", "TiB"):
        if size < 1023.5:
            break
        size, unit = size / 1024, larger
    return f"{size:.3g} {unit}" if size < 999.5 else f"{size:.0f} {unit}"


def as_file_name(name: str) -> str:
    """`name` with a hyphen for every character that could mean something in a path."""
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name)


def large_number(value: float) -> str:
    """``812``, ``3.2e8``: two digits and a power of ten, from 10,000 on."""
    if value < 9_999.5:
        return f"{value:.3g}" if value < 999.5 else f"{value:,.0f}"
    digits, power = f"{value:.1e}".split("e")
    return f"{digits.removesuffix('.0')}e{int(power)}"
