"""Any model on crossbars: equal to the digital one before any noise; nothing digital in silence."""

import copy
import pickle
import warnings

import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from crossbar import PCMConfig
from imc_grapes import SNU, placement, to_crossbar
from kernels.errors import InputError


def ideal(**array: object) -> PCMConfig:
    return PCMConfig(device="linear", io="perfect", array={"weight_range": "auto", **array}, seed=1)


def largest_difference(model: nn.Module, converted: nn.Module, *inputs: torch.Tensor) -> float:
    with torch.no_grad():
        want, got = model(*inputs), converted(*inputs)
    if isinstance(want, tuple):
        want, got = want[0], got[0]
    assert want.shape == got.shape
    return float((want - got).abs().max())


@pytest.mark.parametrize(
    ("conv", "shape"),
    [
        (nn.Conv1d(4, 6, 3), (2, 4, 11)),
        (nn.Conv1d(4, 8, 4, padding="same", groups=2, dilation=2), (2, 4, 11)),
        (nn.Conv1d(4, 8, 5, stride=3, padding=2, padding_mode="reflect"), (2, 4, 11)),
        (nn.Conv2d(6, 12, 3, groups=6, padding=1, stride=2), (2, 6, 9, 8)),
        (nn.Conv2d(3, 5, (3, 2), padding="same", dilation=(1, 2)), (2, 3, 9, 8)),
        (nn.Conv2d(3, 5, 3, padding=(1, 0), padding_mode="circular"), (3, 9, 8)),
        (nn.Conv2d(3, 5, 3, padding=1, stride=2), (2, 3, 9, 8)),
        (nn.Conv3d(2, 4, (3, 2, 1), padding=1, dilation=(1, 2, 1), bias=False), (2, 2, 6, 7, 5)),
    ],
)
def test_every_convolution_equals_torch(conv: nn.Module, shape: tuple[int, ...]) -> None:
    x = torch.randn(shape)
    assert largest_difference(conv, to_crossbar(conv, ideal()), x) < 1e-5
    assert largest_difference(conv, to_crossbar(conv, ideal(rows=5, columns=3)), x) < 1e-5


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_attention_equals_torch(batch_first: bool, training: bool) -> None:
    attention = nn.MultiheadAttention(12, 3, kdim=10, vdim=8, batch_first=batch_first)
    converted = to_crossbar(attention, ideal()).train(training)
    attention.train(training)
    q, k, v = torch.randn(5, 2, 12), torch.randn(7, 2, 10), torch.randn(7, 2, 8)
    if batch_first:
        q, k, v = (x.transpose(0, 1) for x in (q, k, v))
    closed = torch.zeros(2, 7, dtype=torch.bool)
    closed[1, 4:] = True
    for options in (
        {},
        {"average_attn_weights": False},
        {"attn_mask": torch.rand(6, 5, 7) > 0.8},
        {"attn_mask": torch.randn(5, 7)},
        {"key_padding_mask": closed},
    ):
        want, got = attention(q, k, v, **options), converted(q, k, v, **options)
        torch.testing.assert_close(got, want, atol=1e-5, rtol=0.0)
        assert converted(q, k, v, need_weights=False, **options)[1] is None


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("norm_first", [True, False])
def test_a_transformer_equals_torch_in_both_modes(training: bool, norm_first: bool) -> None:
    encoder = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(16, 4, 32, dropout=0.0, batch_first=True, norm_first=norm_first),
        num_layers=2,
        enable_nested_tensor=False,
    ).train(training)
    converted = to_crossbar(encoder, ideal())
    assert converted.training is training
    x = torch.randn(3, 6, 16)
    causal = nn.Transformer.generate_square_subsequent_mask(6)
    padding = torch.zeros(3, 6, dtype=torch.bool)
    padding[0, 4:] = True
    with torch.no_grad():
        for options in ({}, {"mask": causal, "is_causal": True}, {"src_key_padding_mask": padding}):
            want, got = encoder(x, **options), converted(x, **options)
            torch.testing.assert_close(got[1:], want[1:], atol=1e-5, rtol=0.0)


def test_a_nested_tensor_encoder_evaluates_with_padding() -> None:
    layer = nn.TransformerEncoderLayer(16, 4, 32, dropout=0.0, batch_first=True)
    encoder = nn.TransformerEncoder(layer, 2).eval()
    padding = torch.zeros(3, 6, dtype=torch.bool)
    padding[0, 4:] = True
    x = torch.randn(3, 6, 16)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        want = encoder(x, src_key_padding_mask=padding)
    got = to_crossbar(encoder, ideal())(x, src_key_padding_mask=padding)
    torch.testing.assert_close(got[0, :4], want[0, :4], atol=1e-5, rtol=0.0)
    torch.testing.assert_close(got[1:], want[1:], atol=1e-5, rtol=0.0)


def test_only_the_feed_forward_part_of_a_transformer_on_crossbars_evaluates() -> None:
    layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True).eval()
    converted = to_crossbar(layer, ideal(), exclude=("self_attn",))
    assert largest_difference(layer, converted, torch.randn(3, 6, 16)) < 1e-5


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_recurrent_layers_equal_torch(kind: type[nn.RNNBase]) -> None:
    layer = kind(5, 7, 2, batch_first=True)
    assert largest_difference(layer, to_crossbar(layer, ideal()), torch.randn(3, 4, 5)) < 1e-5


def test_spiking_units_equal_themselves() -> None:
    layer = SNU(6, 5, recurrent=True)
    converted = to_crossbar(layer, ideal())
    assert largest_difference(layer, converted, torch.randn(4, 3, 6)) < 1e-5
    assert list(placement(converted)["where"]) == ["digital", "crossbar", "crossbar"]


class TwoHeads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten())
        self.head = nn.Linear(144, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x))


def test_the_model_itself_stays_and_the_copy_is_of_its_class() -> None:
    model = TwoHeads()
    before = copy.deepcopy(model.state_dict())
    converted = to_crossbar(model, ideal())
    assert type(converted) is TwoHeads
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert type(model.head) is nn.Linear


def test_a_conversion_draws_nothing_from_torch_and_writes_every_device_once() -> None:
    torch.manual_seed(0)
    model = TwoHeads()
    state = torch.get_rng_state()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        converted = to_crossbar(model, ideal())
    assert torch.equal(state, torch.get_rng_state())
    assert [tile.counters["programmed"] for tile in converted.head.analog_tiles()] == [1]


def test_configs_by_pattern_and_the_rest_digital() -> None:
    converted = to_crossbar(TwoHeads(), {"body.*": ideal(rows=4), "head": None})
    frame = placement(converted).set_index("parameter")
    assert frame.loc["body.0.weight", "arrays"] == 3
    assert frame.loc["body.0.weight", "devices"] == 2 * 9 * 4
    assert frame.loc["body.0.weight", "shape"] == (4, 9)
    assert frame.loc["head.weight", "where"] == "digital"
    assert "left digital" in frame.loc["head.weight", "reason"]
    assert "normalisation" in frame.loc["body.1.bias", "reason"]


def test_placement_of_a_digital_model_has_a_row_per_parameter() -> None:
    model = TwoHeads()
    frame = placement(model)
    assert list(frame["parameter"]) == [name for name, _ in model.named_parameters()]
    assert (frame["where"] == "digital").all()
    assert (frame["reason"] != "").all()


def test_a_module_in_two_places_is_converted_once() -> None:
    shared = nn.Linear(4, 4)
    model = nn.ModuleDict({"a": shared, "b": nn.Sequential(nn.Linear(4, 4), shared)})
    converted = to_crossbar(model, ideal())
    assert converted["a"] is converted["b"][1]
    assert len(placement(converted)) == 4


class Loose(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.matrix = nn.Parameter(torch.randn(3, 4))
        self.layer = nn.Linear(4, 4)


class OwnLinear(nn.Linear):
    pass


def pruned():
    layer = nn.Linear(2, 2)
    prune.l1_unstructured(layer, "weight", amount=0.5)
    return layer


def tied() -> nn.Module:
    model = nn.ModuleDict({"words": nn.Embedding(6, 4), "out": nn.Linear(4, 6)})
    model["out"].weight = model["words"].weight
    return model


def hooked() -> nn.Module:
    model = nn.Sequential(nn.Linear(2, 2))
    model[0].register_forward_hook(lambda *_: None)
    return model


@pytest.mark.parametrize(
    ("model", "name", "why"),
    [
        (Loose(), "matrix", "belongs to a Loose"),
        (nn.Sequential(nn.ConvTranspose1d(2, 2, 2)), "0.weight", "belongs to a ConvTranspose1d"),
        (nn.Sequential(nn.Bilinear(2, 2, 2)), "0.weight", "belongs to a Bilinear"),
        (nn.Sequential(OwnLinear(2, 2)), "0", "derived from Linear"),
        (nn.Sequential(nn.LSTM(2, 2, bidirectional=True)), "0", "both directions"),
        (nn.Sequential(nn.LSTM(2, 4, proj_size=2)), "0", "projects its outputs"),
        (nn.Sequential(nn.MultiheadAttention(4, 2, add_bias_kv=True)), "0", "add_bias_kv"),
        (nn.Sequential(nn.LazyLinear(2)), "0", "without weights yet"),
        (nn.Sequential(nn.Linear(2, 2).double()), "0", "float64"),
        (nn.Sequential(nn.Linear(2, 2, device="meta")), "0", "meta device"),
        (
            nn.Sequential(nn.utils.parametrizations.spectral_norm(nn.Linear(2, 2))),
            "0",
            "parametriz",
        ),
        (tied(), "out", "also 'words.weight'"),
        (nn.Sequential(pruned()), "0", "torch.nn.utils.prune.remove"),
        (nn.Sequential(nn.utils.spectral_norm(nn.Linear(2, 2))), "0", "remove_spectral_norm"),
        (nn.Sequential(nn.utils.weight_norm(nn.Linear(2, 2))), "0", "remove_weight_norm"),
        (hooked(), "0", "hooks"),
        (nn.Sequential(nn.LSTMCell(2, 2)), "0.weight_ih", "belongs to a LSTMCell"),
    ],
)
def test_what_cannot_be_converted_is_refused_by_name(model: nn.Module, name: str, why: str) -> None:
    with pytest.raises(InputError, match="cannot be put on crossbars") as raised:
        to_crossbar(model, ideal())
    assert f"'{name}'" in str(raised.value)
    assert why in str(raised.value)
    assert "exclude=" in str(raised.value)


def test_a_loose_weight_is_left_digital_when_it_is_named_or_not_strict() -> None:
    for options in ({"exclude": ("matrix",)}, {"strict": False}):
        frame = placement(to_crossbar(Loose(), ideal(), **options)).set_index("parameter")
        assert frame.loc["matrix", "where"] == "digital"
        assert "belongs to a Loose" in frame.loc["matrix", "reason"]
        assert frame.loc["layer.weight", "where"] == "crossbar"


@pytest.mark.parametrize(
    ("config", "options", "message"),
    [
        (ideal(), {"exclude": ("nowhere",)}, "'nowhere' fits no module"),
        ({"nowhere.*": ideal(), "*": None}, {}, "'nowhere.*' fits no module"),
        ({"head": ideal()}, {}, "no pattern fits 'body.0'"),
        ({"*": None}, {}, "no layer left"),
        (ideal(), {"exclude": ("body", "head")}, "no layer left"),
    ],
)
def test_patterns_without_effect_are_refused(
    config: object, options: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message.replace("*", r"\*")):
        to_crossbar(TwoHeads(), config, **options)


def test_a_model_on_crossbars_is_not_converted_again() -> None:
    with pytest.raises(InputError, match="on crossbars already"):
        to_crossbar(to_crossbar(TwoHeads(), ideal()), ideal())


def test_ranges_that_clip_or_go_unused_are_named() -> None:
    model = TwoHeads()
    with torch.no_grad():
        model.body[0].weight.mul_(10.0)
        model.head.weight.mul_(0.1)
    with pytest.warns(UserWarning, match="weight_range") as caught:
        to_crossbar(model, PCMConfig(device="linear", io="perfect", seed=1))
    said = [str(one.message) for one in caught]
    assert any("'body.0'" in text and "beyond the weight_range" in text for text in said)
    assert any("'head'" in text and "less than 20%" in text for text in said)


def test_auto_range_scales_the_bounds_of_the_converters_with_it() -> None:
    layer = nn.Linear(6, 3, bias=False)
    with torch.no_grad():
        layer.weight.mul_(0.2 / layer.weight.abs().max())
    auto = to_crossbar(layer, PCMConfig(array={"weight_range": "auto"}, seed=0))
    fixed = to_crossbar(layer, PCMConfig(array={"weight_range": 0.2}, seed=0))
    x = torch.randn(8, 6)
    torch.testing.assert_close(auto(x), fixed(x), atol=1e-6, rtol=1e-5)


def test_auto_range_needs_weights() -> None:
    from aihwkit.nn import AnalogLinear

    with pytest.raises(InputError, match="auto needs a layer with weights"):
        AnalogLinear(3, 2, rpu_config=PCMConfig(array={"weight_range": "auto"}))
    with pytest.raises(InputError, match="all are 0"):
        to_crossbar(nn.utils.skip_init(nn.Linear, 2, 2).apply(_zero), ideal())


def _zero(module: nn.Module) -> None:
    for parameter in module.parameters():
        nn.init.zeros_(parameter)


def test_frozen_weights_stay_frozen_on_crossbars() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    model[0].requires_grad_(False)
    converted = to_crossbar(model, ideal())
    trains = {name: parameter.requires_grad for name, parameter in converted.named_parameters()}
    assert not any(on for name, on in trains.items() if name.startswith("0."))
    assert all(on for name, on in trains.items() if name.startswith("2."))


def test_a_converted_model_survives_pickling() -> None:
    converted = to_crossbar(nn.MultiheadAttention(8, 2), ideal()).eval()
    again = pickle.loads(pickle.dumps(converted))
    x = torch.randn(3, 1, 8)
    torch.testing.assert_close(again(x, x, x)[0], converted(x, x, x)[0])


def test_a_convolution_on_tiles_refuses_an_empty_batch() -> None:
    converted = to_crossbar(nn.Conv2d(2, 3, 3), ideal())
    with pytest.raises(InputError, match=r"takes no empty batch .got the shape .0, 2, 8, 8"):
        converted(torch.zeros(0, 2, 8, 8))
    assert copy.deepcopy(converted)(torch.zeros(1, 2, 8, 8)).shape == (1, 3, 6, 6)


@pytest.mark.parametrize(
    ("conv", "shape"),
    [
        (nn.Conv1d(2, 4, 3), (0, 2, 8)),
        (nn.Conv2d(2, 4, 3, groups=2), (0, 2, 8, 7)),
        (nn.Conv3d(2, 4, 3), (0, 2, 5, 5, 5)),
    ],
)
def test_an_unfolded_convolution_takes_an_empty_batch(
    conv: nn.Module, shape: tuple[int, ...]
) -> None:
    x = torch.zeros(shape)
    assert to_crossbar(conv, ideal())(x).shape == conv(x).shape
