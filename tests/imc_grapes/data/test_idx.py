import gzip
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from imc_grapes import InputError
from imc_grapes.data.idx import read_idx


def idx_bytes(array):
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


@given(array=hnp.arrays(np.uint8, hnp.array_shapes(max_dims=3, max_side=6)), zipped=st.booleans())
@settings(max_examples=40, deadline=None)
def test_an_array_written_as_idx_is_read_back(array, zipped, tmp_path_factory):
    path = tmp_path_factory.mktemp("idx") / ("x-ubyte.gz" if zipped else "x-ubyte")
    content = idx_bytes(array)
    path.write_bytes(gzip.compress(content, 1) if zipped else content)
    found = read_idx(path)
    assert found.dtype == np.uint8
    assert np.array_equal(found, array)


GOOD = idx_bytes(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not an idx file of unsigned bytes"),
        (b"\0\0\x08", "is not an idx file of unsigned bytes"),
        (b"PK\x03\x04 something else", "is not an idx file of unsigned bytes"),
        (b"\0\0\x0d" + GOOD[3:], "is not an idx file of unsigned bytes"),
        (GOOD[:-1], r"cut short or too long for the shape \(2, 3, 4\)"),
        (GOOD + b"\0", "cut short or too long"),
        (GOOD[:9], "cut short within its header"),
        (GOOD[:4], "cut short within its header"),
    ],
)
def test_a_broken_file_is_named(tmp_path, content, message):
    path = tmp_path / "broken-ubyte"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"broken-ubyte: .*{message}"):
        read_idx(path)


def _flipped(content, position):
    return content[:position] + bytes([content[position] ^ 0xFF]) + content[position + 1 :]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        GOOD,
        gzip.compress(GOOD)[:-10],
        gzip.compress(GOOD)[:12],
        _flipped(gzip.compress(GOOD), 15),
        _flipped(gzip.compress(GOOD), -6),
    ],
    ids=[
        "empty",
        "not zipped",
        "cut in the trailer",
        "cut in the data",
        "flipped",
        "wrong checksum",
    ],
)
def test_a_broken_gzip_file_is_named(tmp_path, content):
    path = tmp_path / "broken-ubyte.gz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"broken-ubyte\.gz: "):
        read_idx(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="nothere: cannot be read"):
        read_idx(tmp_path / "nothere")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\0\0\x08\xff" + b"\0\0\0\x01" * 255 + b"A", "states 255 axes; 1 to 4 are read"),
        (b"\0\0\x08\0A", "states 0 axes"),
        (b"\0\0\x08\x03" + b"\xff" * 12, ".* more than 256 MiB, the most that is read"),
        (idx_bytes(np.zeros((5, 0, 28), np.uint8)), r"holds nothing: its shape is \(5, 0, 28\)"),
        (idx_bytes(np.zeros((0, 28, 28), np.uint8)), r"holds nothing: its shape is \(0, 28, 28\)"),
    ],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_what_a_header_claims_is_looked_at_before_room_is_made(tmp_path, content, message, zipped):
    path = tmp_path / ("x-ubyte.gz" if zipped else "x-ubyte")
    path.write_bytes(gzip.compress(content) if zipped else content)
    with pytest.raises(InputError, match=f"x-ubyte.*: {message}"):
        read_idx(path)


def test_a_file_that_unpacks_to_more_than_it_states_is_not_unpacked(tmp_path):
    """2 GiB of zeros in 2 MB: no more is unpacked than the shape takes."""
    path = tmp_path / "x-ubyte.gz"
    packed = gzip.compress(GOOD[:16]) + gzip.compress(bytes(1 << 24)) * 128
    path.write_bytes(packed)
    tracemalloc.start()
    with pytest.raises(InputError, match="cut short or too long"):
        read_idx(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 21
