"""Files of `torch.save` by whomever: tensors, numbers, strings, lists and dicts, and nothing that could run.

`torch.load(weights_only=True)` admits a few calls beside those that make tensors, such as `bytearray(2**40)`, and
decompresses what a file holds of it. Here the file's own list of calls and sizes is read first.
"""

import io
import pickletools
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

from kernels.errors import InputError

TENSORS = frozenset(
    {
        "collections.OrderedDict",
        "torch._utils._rebuild_parameter",
        "torch._utils._rebuild_tensor",
        "torch._utils._rebuild_tensor_v2",
        "torch.Size",
        "torch.device",
        "torch.nn.parameter.Parameter",
        "torch.BFloat16Storage",
        "torch.BoolStorage",
        "torch.ByteStorage",
        "torch.CharStorage",
        "torch.DoubleStorage",
        "torch.FloatStorage",
        "torch.HalfStorage",
        "torch.IntStorage",
        "torch.LongStorage",
        "torch.ShortStorage",
    }
)
"""All that a state dict of plain tensors calls."""

_MOST_NODES = 5_000_000
_MOST_OPERATIONS = 20_000_000
_UNNAMED_CALLS = ("INST", "STACK_GLOBAL", "EXT1", "EXT2", "EXT4")
_MOST_NAMED = 3
_PICKLES_OF_OLD = 5


class UnsafeCallsError(InputError):
    """The file asks for functions or classes that are none of tensors'."""


def read_torch_file(path: Path, admitted: Collection[str] = TENSORS, *, old: bool = False) -> Any:
    """What the file at `path` holds, on the CPU.

    Args:
        path: as `torch.save` wrote it.
        admitted: the functions and classes that it may ask for.
        old: take the format of before torch 1.6 too, in which many published weights are.

    Raises:
        OSError: the file cannot be read.
        UnsafeCallsError: it asks for others; nothing of it was run.
        InputError: it is no such file, is damaged, or would be larger in memory than it is on disk.
    """
    calls = _calls_of_old(path) if old and not zipfile.is_zipfile(path) else _calls_of(path)
    unsafe = sorted(calls - set(admitted))
    if unsafe:
        more = f" and {len(unsafe) - _MOST_NAMED} more" if len(unsafe) > _MOST_NAMED else ""
        raise UnsafeCallsError(f"asks for {', '.join(unsafe[:_MOST_NAMED])}{more}")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise InputError(_first_line(error)) from None
    for tensor in _tensors_in(content):
        _refuse_odd(tensor)
    return content


def _calls_of(path: Path) -> set[str]:
    size = path.stat().st_size
    try:
        with zipfile.ZipFile(path) as archive:
            records = archive.infolist()
            if any(one.compress_type != zipfile.ZIP_STORED for one in records) or (
                sum(one.file_size for one in records) > size
            ):
                raise InputError(
                    "holds more than its size on disk, which torch.save does not write"
                )
            names = [one for one in records if one.filename.endswith("/data.pkl")]
            if len(names) != 1:
                raise InputError("is no file of torch.save")
            return _calls_in(io.BytesIO(archive.read(names[0])))
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"is no file of torch.save ({_first_line(error)})") from None


def _calls_of_old(path: Path) -> set[str]:
    with path.open("rb") as file:
        return set().union(*(_calls_in(file) for _ in range(_PICKLES_OF_OLD)))


def _calls_in(file: IO[bytes]) -> set[str]:
    found = set()
    try:
        for number, (operation, argument, _) in enumerate(pickletools.genops(file)):
            if number > _MOST_OPERATIONS:
                raise InputError(f"holds more than {_MOST_OPERATIONS:,} values beside tensors")
            if operation.name == "GLOBAL":
                found.add(str(argument).replace(" ", "."))
            elif operation.name in _UNNAMED_CALLS:
                found.add(operation.name)
    except (ValueError, IndexError, MemoryError, OverflowError) as error:
        raise InputError(f"is no file of torch.save ({_first_line(error)})") from None
    return found


def _tensors_in(content: Any) -> Iterator[Tensor]:
    """Every tensor; what is referred to from many places counts as often, for whoever walks it after us."""
    waiting, seen = [content], 0
    while waiting:
        value = waiting.pop()
        seen += 1
        if seen + len(waiting) > _MOST_NODES:
            raise InputError(f"holds more than {_MOST_NODES:,} values beside tensors")
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list | tuple):
            waiting.extend(value)


def _refuse_odd(tensor: Tensor) -> None:
    plain = type(tensor) in (Tensor, torch.nn.Parameter) and tensor.layout == torch.strided
    if not plain or tensor.device.type != "cpu" or tensor.is_quantized:
        raise InputError("holds a tensor that is no plain one")
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise InputError(
            f"holds a tensor of shape {list(tensor.shape)} whose {tensor.untyped_storage().nbytes()} bytes are fewer"
        )


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
