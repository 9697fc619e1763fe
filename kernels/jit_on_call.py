"""Compile a kernel when it is first called, not when its file is imported."""

import os
from collections.abc import Callable
from typing import Any

import numba
from numba.core.compiler_lock import global_compiler_lock

COMPILE_ON_IMPORT = "IMC_GRAPES_COMPILE_ON_IMPORT"
"""Environment variable, set where many processes are forked from one: that one compiles for all of them."""


def jit_on_call(signature: Any, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """As `numba.njit` with an explicit signature, but nothing is compiled before the first call.

    Kernels stand in files that others import at their top, and compiling takes a second each: a process pays for those
    that it calls. A kernel that another kernel calls is compiled with that one.

    Args:
        signature: the one signature to compile for, as Numba takes it; arguments are converted to it, as ever.
        options: of `numba.njit`.

    Returns:
        A decorator.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        kernel = numba.njit(**options)(function)

        def compile_now() -> None:
            # Several threads may come here at once, and later calls of other kernels again.
            with global_compiler_lock:
                if not kernel.signatures:
                    kernel.compile(signature)
                    kernel.disable_compile()

        if os.environ.get(COMPILE_ON_IMPORT):
            compile_now()
            return kernel

        call_template = kernel.get_call_template

        def for_python(*args: Any, **kwargs: Any) -> Any:
            compile_now()
            return kernel  # which the dispatcher calls next

        def for_kernels(args: Any, kwargs: Any) -> Any:
            compile_now()
            return call_template(args, kwargs)

        # What Numba's dispatcher calls when no compiled version fits: from Python, and from another kernel.
        kernel._compile_for_args = for_python
        kernel.get_call_template = for_kernels
        return kernel

    return decorate
