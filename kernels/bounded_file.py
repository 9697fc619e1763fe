"""Files of strangers: no more of them is read than is expected."""

from pathlib import Path

from kernels.errors import InputError

MEBIBYTE = 1 << 20


def read_bounded(path: Path, most_bytes: int) -> bytes:
    """The bytes of the file at `path`.

    Args:
        path: any file, such as one that never ends.
        most_bytes: how many are read at most.

    Raises:
        OSError: it cannot be read.
        InputError: it has more; the message names the file and the limit.
    """
    with path.open("rb") as file:
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise InputError(
            f"{path}: is larger than {in_mebibytes(most_bytes)}, the most that is read of such a file"
        )
    return content


def in_mebibytes(n_bytes: int) -> str:
    """Such as "64 MiB"."""
    return f"{n_bytes / MEBIBYTE:,.4g} MiB"
