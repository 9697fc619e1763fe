"""Program, drift and read a million devices at the five standard times, against aihwkit.

    python benchmarks/bench_device_statistics.py

Both rivals may use every core: the kernels run a block of devices per thread, torch as it likes.
"""

import numpy as np
import torch
from aihwkit.inference import PCMLikeNoiseModel
from side_by_side import print_ratios, time_side_by_side

from device_models import InferenceStatistics
from kernels.threads import get_threads

DEVICES = 1_000_000
TIMES_S = (25.0, 3600.0, 86400.0, 2592000.0, 31536000.0)
G_MAX_US = 25.0


def main() -> None:
    target = (np.random.default_rng(0).random(DEVICES) * G_MAX_US).astype(np.float32)
    model = InferenceStatistics.preset("pcm_nandakumar2019", g_max_uS=G_MAX_US)
    peer = PCMLikeNoiseModel(g_max=G_MAX_US)
    target_tensor = torch.from_numpy(target)

    def one_pass() -> None:
        model.read_series(model.program(target, seed=0), TIMES_S, seed=1)

    def read_by_read() -> None:
        state = model.program(target, seed=0)
        for time_s in TIMES_S:
            model.read(state, time_s, seed=1)

    def aihwkit() -> None:
        programmed = peer.apply_programming_noise_to_conductance(target_tensor)
        nu = peer.generate_drift_coefficients(target_tensor)
        for time_s in TIMES_S:
            peer.apply_drift_noise_to_conductance(programmed, nu, time_s)

    timings = time_side_by_side(
        {
            "imc-grapes, read_series": one_pass,
            "imc-grapes, five calls of read": read_by_read,
            "aihwkit PCMLikeNoiseModel": aihwkit,
        }
    )
    print_ratios(
        f"program + drift + read of {DEVICES:,} devices at {len(TIMES_S)} times, "
        f"{get_threads()} threads (torch {torch.get_num_threads()})",
        timings,
        target="aihwkit >= 10",
    )


if __name__ == "__main__":
    main()
