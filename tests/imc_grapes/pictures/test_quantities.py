import pytest
from hypothesis import given
from hypothesis import strategies as st

from imc_grapes.pictures.quantities import bytes_in_words, large_number, time_in_words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (25, "25 s"),
        (0.5, "0.5 s"),
        (60, "1 minute"),
        (3600, "1 hour"),
        (5400, "1.5 hours"),
        (86400, "1 day"),
        (2592000, "1 month"),
        (31536000, "1 year"),
        (315360000, "10 years"),
    ],
)
def test_times(seconds, words):
    assert time_in_words(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1023, "1023 bytes"),
        (1024, "1 KiB"),
        (204 * 1024, "204 KiB"),
        (1010 * 1024, "1010 KiB"),
        (1024**2 - 1, "1 MiB"),
        (3 * 2**19, "1.5 MiB"),
        (5 * 2**30, "5 GiB"),
    ],
)
def test_bytes(count, words):
    assert bytes_in_words(count) == words


@given(st.integers(0, 2**49))
def test_bytes_are_plain_numbers_close_to_the_count(count):
    number, unit = bytes_in_words(count).split()
    sizes = {"byte": 1, "bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
    assert "e" not in number
    assert float(number) * sizes[unit] == pytest.approx(count, rel=6e-3)


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.5, "0.5"), (812.4, "812"), (9_876.0, "9,876"), (12_345.0, "1.2e4"), (2e12, "2e12")],
)
def test_large_numbers(value, words):
    assert large_number(value) == words
