"""A two-layer character model, its attention on PCM crossbars: bits per character now and a year later."""

import argparse
import inspect
import math

import torch
from torch import nn

from imc_grapes import PCMConfig, evaluate_drift, placement, to_crossbar

torch.manual_seed(0)
text = inspect.getsource(argparse)
alphabet = sorted(set(text))
codes = torch.tensor([alphabet.index(letter) for letter in text])
train, test = codes[:80000], codes[80000:]
WINDOW, WIDTH = 32, 64


class CharacterModel(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.letters = nn.Embedding(len(alphabet), WIDTH)
        self.places = nn.Embedding(WINDOW, WIDTH)
        layer = nn.TransformerEncoderLayer(WIDTH, 4, 128, dropout=0.0, batch_first=True)
        self.body = nn.TransformerEncoder(layer, num_layers=2)
        self.head = nn.Linear(WIDTH, len(alphabet))

    def forward(self, letters: torch.Tensor) -> torch.Tensor:
        causal = nn.Transformer.generate_square_subsequent_mask(WINDOW)
        x = self.letters(letters) + self.places.weight
        return self.head(self.body(x, mask=causal, is_causal=True))


def nats(model: nn.Module, source: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
    windows = torch.stack([source[at : at + WINDOW + 1] for at in starts])
    return nn.functional.cross_entropy(model(windows[:, :-1]).transpose(1, 2), windows[:, 1:])


def bits_per_character(model: nn.Module) -> float:
    with torch.no_grad():
        starts = torch.arange(0, len(test) - WINDOW - 1, 4 * WINDOW)
        return nats(model, test, starts).item() / math.log(2)


net = CharacterModel()
adam = torch.optim.Adam(net.parameters(), lr=2e-3)
for step in range(500):
    adam.zero_grad()
    nats(net, train, torch.randint(len(train) - WINDOW - 1, (32,))).backward()
    adam.step()

# The embeddings are tables, which stay digital; every product of attention with stored weights is one of a crossbar.
model = to_crossbar(net, PCMConfig(array={"weight_range": "auto"}, seed=0))
frame = placement(model)
print(frame[["parameter", "where", "devices"]].to_string())
print(f"{frame['devices'].sum()} devices; digital: {bits_per_character(net.eval()):.3f} bits")
result = evaluate_drift(
    model, bits_per_character, statistics="pcm_nandakumar2019", times_s=(25, 31536000), repeats=2
)
print(result.summary().round(3))
