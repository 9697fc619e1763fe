import subprocess
import sys
from pathlib import Path

from lock import locked

SETUP = Path(__file__).resolve().parents[2] / "setup"
OTHER = """\
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from lock import locked
with locked(Path(sys.argv[2]), "busy"):
    print("in", flush=True)
"""


def test_the_second_says_that_it_waits_and_goes_on_when_the_first_is_done(tmp_path):
    file = tmp_path / "file"
    file.touch()
    with locked(file, "never said"):
        other = subprocess.Popen(
            [sys.executable, "-c", OTHER, SETUP, file], stdout=subprocess.PIPE, text=True
        )
        assert other.stdout.readline() == "  busy\n"
        assert other.poll() is None
    assert other.communicate(timeout=20)[0] == "in\n"
