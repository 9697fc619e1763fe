"""Draw in a process beside this one: vl-convert holds Python's lock while it works, so a thread would not do.

Called as a module, not through multiprocessing, which would run the user's own script again.
"""

import pickle
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from imc_grapes.vega.export import export
from imc_grapes.vega.libraries import javascript_libraries
from imc_grapes.vega.picture import Picture


class DrawingProcess:
    """Hands out the scripts of a page, then draws pictures into files, while this process does something else.

    Use it as a context; leaving that waits for the files.
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

    def libraries(self) -> str:
        """`javascript_libraries`; to be called once, before `draw`."""
        assert self._process.stdout is not None
        libraries: str = pickle.load(self._process.stdout)
        return libraries

    def draw(self, pictures: list[Picture], directory: Path) -> None:
        """Begin to export the pictures into `directory`; to be called once."""
        assert self._process.stdin is not None
        pickle.dump((pictures, directory.absolute()), self._process.stdin)
        self._process.stdin.close()

    def files(self) -> list[Path]:
        """The files that `draw` led to, once they are written.

        Raises:
            RuntimeError: one could not be drawn or written; what went wrong is on the standard error stream.
        """
        assert self._process.stdout is not None
        try:
            paths: list[Path] = pickle.load(self._process.stdout)
        except EOFError:
            raise RuntimeError("the pictures could not be drawn; see above") from None
        return paths

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
    pickle.dump(javascript_libraries(), sys.stdout.buffer)
    sys.stdout.buffer.flush()
    try:
        pictures, directory = pickle.load(sys.stdin.buffer)
    except EOFError:
        return  # whoever wanted them has gone
    paths = [path for picture in pictures for path in export(picture, directory)]
    pickle.dump(paths, sys.stdout.buffer)


if __name__ == "__main__":
    _serve()
