"""Program, drift and read a million devices at the five standard times, against aihwkit.

    python benchmarks/bench_device_statistics.py

Once with all cores for both rivals, once with a single thread for both.
"""

import numpy as np
import torch
from aihwkit.inference import PCMLikeNoiseModel
from side_by_side import print_ratios, time_side_by_side

from device_models.inference.spec import inference_statistics
from kernels.threads import get_threads, set_threads

DEVICES = 1_000_000
TIMES_S = (25.0, 3600.0, 86400.0, 2592000.0, 31536000.0)
G_MAX_US = 25.0


def main() -> None:
    target = (np.random.default_rng(0).random(DEVICES) * G_MAX_US).astype(np.float32)
    model = inference_statistics("pcm_nandakumar2019", g_max_uS=G_MAX_US)
    peer = PCMLikeNoiseModel(g_max=G_MAX_US)
    target_tensor = torch.from_numpy(target)

    def ours() -> None:
        state = model.program(target, seed=0)
        for time_s in TIMES_S:
            model.read(state, time_s, seed=1)

    def aihwkit() -> None:
        programmed = peer.apply_programming_noise_to_conductance(target_tensor)
        nu = peer.generate_drift_coefficients(target_tensor)
        for time_s in TIMES_S:
            peer.apply_drift_noise_to_conductance(programmed, nu, time_s)

    for threads in (get_threads(), 1):
        set_threads(threads)
        torch.set_num_threads(threads)
        print_ratios(
            f"program + drift + read of {DEVICES:,} devices at {len(TIMES_S)} times, "
            f"{threads} thread(s) each",
            time_side_by_side({"imc-grapes": ours, "aihwkit PCMLikeNoiseModel": aihwkit}),
            target="aihwkit >= 10",
        )


if __name__ == "__main__":
    main()
