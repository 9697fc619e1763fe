"""Peak of the tensor memory that one training step allocates."""

import weakref
from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


def peak_bytes_of_step(step: Callable[[], object]) -> int:
    """Most bytes of tensors alive at once that were made during `step`.

    Every storage that a torch operation returns is counted from then until it is freed. What a simulator allocates
    in its own C++ code is no tensor and is not seen.
    """
    live = _LiveStorages()
    with live:
        step()
    return live.peak


class _LiveStorages(TorchDispatchMode):
    """Follows the storages that operations return."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak: int = 0
        self._alive = 0
        self._known: set[int] = set()

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        before = {
            _address(leaf) for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)
        }
        result = operation(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor) and _address(leaf) not in before | self._known:
                self._follow(leaf)
        return result

    def _follow(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        address, size = storage.data_ptr(), storage.nbytes()
        self._known.add(address)
        self._alive += size
        self.peak = max(self.peak, self._alive)
        weakref.finalize(storage, self._forget, address, size)

    def _forget(self, address: int, size: int) -> None:
        self._known.discard(address)
        self._alive -= size


def _address(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
