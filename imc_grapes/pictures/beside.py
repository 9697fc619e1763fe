"""Draw in processes beside this one: vl-convert holds Python's lock while it works, so threads would not do.

Called as a module, not through multiprocessing, which would run the user's own script again.
"""

import pickle
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import vl_convert

from imc_grapes.pictures.export import export
from imc_grapes.pictures.picture import Picture


class DrawingProcess:
    """Makes the scripts of a page, or draws pictures into files, while this process does something else.

    Use it as a context. One thing at a time: what was asked for must be taken before anything else is asked for, or
    both processes may wait for each other at full pipes.
    """

    def __enter__(self) -> Self:
        # In a session of its own, so that Ctrl-C reaches this process alone, which then ends the other.
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        return self

    def ask_for_libraries(self) -> None:
        """Begin to make `javascript_libraries`."""
        self._ask(None)

    def ask_for_files(self, pictures: list[Picture], directory: Path) -> None:
        """Begin to export the pictures into `directory`."""
        self._ask((pictures, directory.absolute()))

    def libraries(self) -> str:
        """What `ask_for_libraries` led to, once it is there."""
        return str(self._answer())

    def files(self) -> list[Path]:
        """The files that `ask_for_files` led to, once they are written."""
        paths: list[Path] = self._answer()
        return paths

    def _ask(self, request: tuple[list[Picture], Path] | None) -> None:
        assert self._process.stdin is not None
        pickle.dump(request, self._process.stdin)
        self._process.stdin.flush()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        try:
            return pickle.load(self._process.stdout)
        except EOFError:
            raise RuntimeError("the pictures could not be drawn; see above") from None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._process.kill()
        self._process.__exit__(kind, error, trace)


def _serve() -> None:
    """Answer what is asked on the standard input until it ends."""
    while True:
        try:
            request = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        answer = javascript_libraries() if request is None else _exported(*request)
        pickle.dump(answer, sys.stdout.buffer)
        sys.stdout.buffer.flush()


def _exported(pictures: list[Picture], directory: Path) -> list[Path]:
    return [path for picture in pictures for path in export(picture, directory)]


def javascript_libraries() -> str:
    """Vega-Embed with the Vega and Vega-Lite it needs, as one script, from the copy inside vl-convert."""
    return str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))


if __name__ == "__main__":
    _serve()
