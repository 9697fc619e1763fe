"""``--plugin``, before the command: noted at once, loaded by the commands that need what plugins register."""

from collections.abc import Iterable

_asked: list[str] = []


def ask_for(names: Iterable[str]) -> None:
    """Note the plugins of the command line."""
    _asked[:] = names


def load_plugins() -> None:
    """Load those, and all others that this user has.

    Raises:
        InputError: one is not there, fails, or registers a name that is taken.
    """
    from imc_grapes import plugins

    plugins.load_plugins(_asked)
