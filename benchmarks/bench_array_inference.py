"""Evaluation of a ResNet-20 through its arrays, on one core; beside plain torch, and beside aihwkit's torch tiles.

    python benchmarks/bench_array_inference.py

100 images of 32 × 32 pixels; arrays of 256 × 256 pairs; converters of 8 bits, in ours with calibrated ranges and in
aihwkit's with its own input range and neither noise nor bound management, its fastest setting. Output noise in both;
read noise of the programmed devices for every input vector in ours alone: aihwkit's tiles draw it once per read.
"""

import importlib.util
from pathlib import Path
from typing import Any

import torch
from aihwkit.nn.conversion import convert_to_analog
from aihwkit.simulator.configs import TorchInferenceRPUConfig
from side_by_side import print_ratios, time_side_by_side
from torch import Tensor, nn

from crossbar.analog_product import io_parameters
from crossbar.specs import IOSpec
from imc_grapes import PCMConfig, calibrate, to_crossbar
from imc_grapes.evaluate.any_model import on_devices
from kernels.threads import set_threads

SIZE = 256
CONVERTERS = {"dac_bits": 8, "adc_bits": 8}
DAY_S = 86400.0


def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    set_threads(1)
    net, images = resnet20(), torch.rand(100, 3, 32, 32)
    ours = programmed(net, images)
    with torch.no_grad():
        print_ratios(
            "evaluation of ResNet-20, 100 images",
            time_side_by_side(
                {
                    "on arrays (imc-grapes)": lambda: ours(images),
                    "plain torch": lambda: net(images),
                },
                rounds=15,
            ),
            ">= 0.33: at most 3 x as long",
        )
        theirs = of_aihwkit(net)
        print_ratios(
            "evaluation of ResNet-20, 100 images",
            time_side_by_side(
                {
                    "on arrays (imc-grapes)": lambda: ours(images),
                    "aihwkit TorchInferenceRPUConfig": lambda: theirs(images),
                },
                rounds=3,
                warm_up=0,
            ),
            ">= 5",
        )


def resnet20() -> nn.Module:
    path = Path(__file__).parents[1] / "examples" / "resnet20" / "resnet20.py"
    spec = importlib.util.spec_from_file_location("resnet20", path)
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    net: nn.Module = example.ResNet(3, 10)
    return net.eval()


def programmed(net: nn.Module, images: Tensor) -> nn.Module:
    ranges = {"inp_range": "calibrated", "out_range": "calibrated"}
    config = PCMConfig(
        update="software",
        array={"rows": SIZE, "columns": SIZE},
        io={**CONVERTERS, **ranges},
        seed=0,
    )
    model = to_crossbar(net, config)
    calibrate(model, [images])
    model, devices = on_devices(model, None)
    devices.program(0)
    devices.read(DAY_S)
    return model


def of_aihwkit(net: nn.Module) -> nn.Module:
    config: Any = TorchInferenceRPUConfig()
    unmanaged = IOSpec(noise_management="none", bound_management="none", **CONVERTERS)
    config.forward = io_parameters(unmanaged, 1.0, forward=True)
    config.mapping.max_input_size = config.mapping.max_output_size = SIZE
    config.mapping.weight_scaling_omega = 1.0
    config.pre_post.input_range.enable = True
    model: nn.Module = convert_to_analog(net, config).eval()
    for module in model.modules():
        if hasattr(module, "program_analog_weights"):
            module.drift_analog_weights(DAY_S)
    return model


if __name__ == "__main__":
    main()
