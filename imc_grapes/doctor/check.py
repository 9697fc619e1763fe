"""What one check found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """The outcome of one check: what was looked at, whether it is well, and what to do if not.

    `remedy` may also say something when `ok` is true: what would bring more than there is.
    """

    name: str
    ok: bool
    detail: str
    remedy: str = ""
