"""Exact wires of one array, on one core; beside sparse LU where that takes seconds, not minutes.

    python benchmarks/bench_wires.py

Devices are uniform in [0, 25 µS]. The last table is of pairs, whose two devices lie in neighbouring columns.
"""

import numpy as np
import torch
from side_by_side import print_ratios, time_side_by_side
from threadpoolctl import threadpool_limits

from crossbar.wires import effective_conductances
from kernels.oracles import wire_network

G_MAX_US = 25.0


def main() -> None:
    torch.set_num_threads(1)
    with threadpool_limits(1):
        compare_with_lu(32)
        compare_with_lu(64)
        for n_in, n_columns, target in ((128, 128, ""), (256, 256, "<= 1000 ms"), (256, 512, "")):
            time_resistances(n_in, n_columns, target)


def devices(n_columns: int, n_in: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(0.0, G_MAX_US, (n_columns, n_in))


def compare_with_lu(size: int) -> None:
    g = devices(size, size)
    timings = time_side_by_side(
        {
            "imc-grapes": lambda: effective_conductances(g, 1.0, 1.0),
            "SuperLU": lambda: wire_network.effective_conductances(g, 1.0, 1.0),
        },
        rounds=3,
        warm_up=1,
    )
    print_ratios(f"{size} × {size}, 1 ohm per segment", timings)


def time_resistances(n_in: int, n_columns: int, target: str) -> None:
    g = devices(n_columns, n_in)
    rivals = {
        f"{ohm:g} ohm": lambda ohm=ohm: effective_conductances(g, ohm, ohm) for ohm in (1.0, 5.0)
    }
    timings = time_side_by_side(rivals, rounds=5, warm_up=1)
    print_ratios(
        f"{n_in} rows × {n_columns} columns, {losses(g)} of the current lost", timings, target
    )


def losses(g: np.ndarray) -> str:
    """Mean at 1 ohm, and of the worst column."""
    shown = effective_conductances(g, 1.0, 1.0)
    worst = (1.0 - shown.sum(axis=1) / g.sum(axis=1)).max()
    return f"at 1 ohm {1.0 - shown.sum() / g.sum():.1%} (worst column {worst:.1%})"


if __name__ == "__main__":
    main()
