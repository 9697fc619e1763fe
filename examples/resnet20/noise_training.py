"""Train the ResNet-20 on with noise on its weights: `python noise_training.py WEIGHTS DATA_DIR OUT.pt`, half an hour.

The noise of Joshi et al., Nat. Commun. 11, 2473 (2020): 3.8 % of the largest weight of an array, drawn anew for every
batch, and weights bound to two standard deviations of their layer. `finetune.yaml` trains the same without either.
"""

import sys
from pathlib import Path

import resnet20  # noqa: F401  registers the network
import torch
from torch import nn
from tqdm import tqdm

from imc_grapes import PCMConfig, clip_weights, load_run_config, optimizer, to_crossbar
from imc_grapes.data.load import load_dataset
from imc_grapes.experiment.assemble import digital_network

weights, data_dir, out = map(Path, sys.argv[1:])
config = load_run_config(
    Path(__file__).with_name("finetune.yaml"), [f"network.weights={weights.absolute()}"]
)
data = load_dataset(config.data, config.seed, data_dir)
noisy = {"kind": "software", "noise": {"kind": "gaussian", "scale": 0.038}, "clip": {"sigmas": 2.0}}
arrays = PCMConfig(update=noisy, io="perfect", array={"rows": 256, "columns": 256}, seed=0)
model = to_crossbar(digital_network(config, data), arrays)
update = optimizer(model, "momentum", lr=config.training.optimizer.lr)
decay = torch.optim.lr_scheduler.ExponentialLR(update, config.training.optimizer.lr_decay)
order = torch.Generator().manual_seed(0)
images, labels = data.train.images, data.train.labels
for epoch in range(config.training.epochs):
    model.train()
    batches = torch.randperm(len(labels), generator=order).split(config.data.batch_size)
    for batch in tqdm(batches, desc=f"epoch {epoch + 1}", disable=None):
        update.zero_grad()
        nn.functional.cross_entropy(model(images[batch]), labels[batch]).backward()
        update.step()
        clip_weights(model)
    decay.step()
    model.eval()
    with torch.no_grad():
        answers = torch.cat([model(part).argmax(1) for part in data.validation.images.split(500)])
    right = (answers == data.validation.labels).double().mean().item()
    print(f"epoch {epoch + 1}: {100 * right:.2f} % of the validation images", flush=True)
    torch.save(model.state_dict(), out)
