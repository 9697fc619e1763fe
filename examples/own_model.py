"""A network of your own on PCM crossbars: where it lies, what it scores later, which layer hurts, what it costs."""

import torch
from sklearn.datasets import load_digits
from torch import nn

from imc_grapes import PCMConfig, evaluate_drift, footprint, placement, sensitivity, to_crossbar

torch.manual_seed(0)
digits = load_digits()
images, labels = torch.tensor(digits.images / 16).float().unsqueeze(1), torch.tensor(digits.target)
train, test = torch.randperm(len(images)).split([1400, 397])

net = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(128, 10),
)  # fmt: skip
adam = torch.optim.Adam(net.parameters(), lr=3e-3)
for chosen in torch.cat([train[torch.randperm(len(train))] for _ in range(8)]).split(50):
    adam.zero_grad()
    nn.functional.cross_entropy(net(images[chosen]), labels[chosen]).backward()
    adam.step()


def accuracy(model: nn.Module) -> float:
    with torch.no_grad():
        return (model(images[test]).argmax(1) == labels[test]).double().mean().item()


statistics = {"statistics": "pcm_nandakumar2019"}
result = evaluate_drift(net, accuracy, **statistics, times_s=(25, 86400, 31536000), repeats=5)
print(f"digital {result.digital_score:.3f}; on devices\n{result.summary().round(3)}")
result.plot().save("own_model.html")
print(sensitivity(net, accuracy, **statistics, time_s=31536000).round(3))
model = to_crossbar(net, PCMConfig(array={"weight_range": "auto"}, seed=0))
print(placement(model)[["parameter", "where", "arrays", "devices", "reason"]])
batch = images[train[:50]], labels[train[:50]]
print(footprint(model, batch, nn.functional.cross_entropy, updates=5).round(3).to_string())
