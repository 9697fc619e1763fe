import os
import signal
import subprocess
import sys

import pytest

from imc_grapes.lock import exclusive
from kernels.errors import InputError

HOLD = """
import sys, time
from pathlib import Path
from imc_grapes.lock import exclusive
with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_held_folder_is_refused_by_name_and_free_again_after_sigkill(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with (
        pytest.raises(InputError, match=f"already running here .*process {holder.pid} "),
        exclusive(tmp_path),
    ):
        pass
    os.kill(holder.pid, signal.SIGKILL)
    holder.communicate()
    with exclusive(tmp_path):
        pass
