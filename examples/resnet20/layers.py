"""Where the ResNet-20 lies, and which layer hurts most: `python layers.py WEIGHTS DATA_DIR`."""

import sys
from pathlib import Path

import resnet20  # noqa: F401  registers the network
import torch
from torch import nn

from imc_grapes import PCMConfig, load_run_config, placement, sensitivity, to_crossbar
from imc_grapes.data.load import load_dataset
from imc_grapes.experiment.assemble import digital_network

weights, data_dir = sys.argv[1:]
config = load_run_config(
    Path(__file__).with_name("resnet20.yaml"),
    [f"network.weights={Path(weights).absolute()}", "data.test_samples=500"],
)
data = load_dataset(config.data, config.seed, Path(data_dir))
net = digital_network(config, data).eval()


def accuracy(model: nn.Module) -> float:
    with torch.no_grad():
        answers = torch.cat([model(images).argmax(1) for images in data.test.images.split(250)])
        return (answers == data.test.labels).double().mean().item()


arrays = PCMConfig(array={"rows": 256, "columns": 256, "weight_range": "auto"}, seed=0)
frame = placement(to_crossbar(net, arrays))
print(frame[["parameter", "shape", "where", "arrays", "devices", "reason"]].to_string())
print(f"{frame['arrays'].sum()} arrays, {frame['devices'].sum()} devices")
hurt = sensitivity(net, accuracy, statistics="pcm_nandakumar2019", time_s=31536000.0, repeats=2)
print(f"digital: {accuracy(net):.3f}\n{hurt.round(3).to_string()}")
