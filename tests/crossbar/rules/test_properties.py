"""What rules promise of every gradient: norms, bounds, and the factors that they divide out."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from crossbar.costs import LayerShape, Method
from crossbar.rules import RULES, why_cancelled
from crossbar.specs import AccumulatedSpec

SHAPES = st.tuples(st.integers(1, 6), st.integers(1, 7))
# Zeros, and what float32 squares without loss.
NUMBERS = st.one_of(st.just(0.0), st.floats(1e-3, 1e3), st.floats(-1e3, -1e-3))
GRADIENTS = SHAPES.flatmap(lambda shape: arrays(np.float32, shape, elements=NUMBERS))


def directions(name, gradients, **constants):
    """Of updates one after the other, and what is kept after the last."""
    rule = RULES[name](**constants)
    shapes = rule.state_shapes(*gradients[0].shape)
    state = {one: torch.zeros(shape) for one, shape in shapes.items()}
    found = [
        rule.direction(torch.from_numpy(np.array(one)), state, update).clone().numpy()
        for update, one in enumerate(gradients, start=1)
    ]
    return found, {one: values.numpy() for one, values in state.items()}


@settings(max_examples=50, deadline=None)
@given(GRADIENTS)
def test_column_norm_leaves_unit_vectors_or_zeros(gradient):
    [found], _ = directions("column_norm", [gradient])
    np.testing.assert_allclose((found**2).sum(1), gradient.any(1), rtol=1e-5)
    assert (np.sign(found) == np.sign(gradient)).all()


@settings(max_examples=50, deadline=None)
@given(GRADIENTS)
def test_sinkgd_ends_with_inputs_of_one_norm(gradient):
    [found], _ = directions("sinkgd", [gradient])
    n_out = len(gradient)
    np.testing.assert_allclose((found**2).sum(0), n_out * gradient.any(0), rtol=1e-5)
    assert (np.sign(found) == np.sign(gradient)).all()


def test_sinkgd_balances_nodes_and_inputs_of_a_full_matrix():
    gradient = np.random.default_rng(0).normal(size=(12, 20)).astype(np.float32)
    [few], _ = directions("sinkgd", [gradient])
    [many], _ = directions("sinkgd", [gradient], iterations=100)
    for found, tolerance in ((few, 0.02), (many, 1e-5)):
        np.testing.assert_allclose((found**2).sum(1), 20.0, rtol=tolerance)
        np.testing.assert_allclose((found**2).sum(0), 12.0, rtol=1e-5)


@settings(max_examples=50, deadline=None)
@given(
    SHAPES.flatmap(
        lambda shape: st.lists(arrays(np.float32, shape, elements=NUMBERS), min_size=1, max_size=6)
    )
)
def test_sm3_covers_the_true_second_moments(gradients):
    found, state = directions("sm3", gradients)
    moments = sum(np.float64(one) ** 2 for one in gradients)
    cover = np.minimum(state["of_nodes"], state["of_inputs"]).astype(np.float64)
    assert (cover >= moments * (1.0 - 1e-5)).all()
    adagrad = np.abs(gradients[-1]) / np.sqrt(np.where(moments, moments, 1.0))
    assert (np.abs(found[-1]) <= adagrad * (1.0 + 1e-5)).all()


def test_sm3_and_adafactor_keep_the_whole_second_moment_of_a_vector():
    gradients = np.random.default_rng(1).normal(size=(5, 6, 1)).astype(np.float32)
    moments = np.cumsum(np.float64(gradients) ** 2, axis=0)
    found, _ = directions("sm3", gradients)
    np.testing.assert_allclose(found[-1], gradients[-1] / np.sqrt(moments[-1]), rtol=1e-5)
    mean = np.zeros((6, 1))
    for update, gradient in enumerate(gradients, start=1):
        mean += update**-0.8 * (np.float64(gradient) ** 2 - mean)
    found, _ = directions("adafactor", gradients, clip_threshold=1e9)
    np.testing.assert_allclose(found[-1], gradients[-1] / np.sqrt(mean), rtol=1e-5)


@settings(max_examples=50, deadline=None)
@given(GRADIENTS, st.floats(0.1, 3.0))
def test_adafactor_clips_the_root_mean_square(gradient, most):
    found, _ = directions("adafactor", [gradient, gradient], clip_threshold=most)
    for one in found:
        assert np.isfinite(one).all()
        assert np.sqrt(np.mean(np.float64(one) ** 2)) <= most * (1.0 + 1e-5)


def test_adafactor_is_torchs_but_for_the_learning_rate():
    """torch multiplies by max(eps2, RMS(weights)) * min(lr, 1 / sqrt(t)) what we leave to the caller."""
    generator = torch.Generator().manual_seed(0)
    gradients = torch.randn(8, 5, 7, generator=generator)
    gradients[3] *= 10.0  # is clipped
    found, _ = directions("adafactor", gradients.numpy())
    theirs = torch.nn.Parameter(torch.randn(5, 7, generator=generator))
    ours = theirs.detach().double().numpy().copy()
    update = torch.optim.Adafactor([theirs], lr=0.3, eps=(1e-15, 1e-3))
    for step, gradient in enumerate(gradients, start=1):
        theirs.grad = gradient.clone()
        update.step()
        size = max(1e-3, float(np.sqrt(np.mean(ours**2)))) * min(0.3, step**-0.5)
        ours -= size * found[step - 1]
        np.testing.assert_allclose(theirs.detach().numpy(), ours, rtol=1e-4, atol=1e-5)
    assert np.sqrt(np.mean(found[3] ** 2)) == pytest.approx(1.0, rel=1e-5)


CANCELLING = [entry.name for entry in RULES if entry.value.cancels != "none"]


@pytest.mark.parametrize("name", CANCELLING)
@settings(max_examples=30, deadline=None)
@given(gradient=GRADIENTS, seed=st.integers(0, 99))
def test_a_rule_cancels_the_factors_that_it_says(name, gradient, seed):
    per = RULES[name].cancels
    shape = gradient.shape if per == "weights" else (len(gradient), 1)
    factors = np.random.default_rng(seed).uniform(1.0, 2.0, shape).astype(np.float32)
    [plain], _ = directions(name, [gradient])
    [modulated], _ = directions(name, [gradient * factors])
    np.testing.assert_allclose(modulated, plain, rtol=2e-5, atol=1e-7)


def test_which_rules_cancel_factors():
    assert {name: RULES[name].cancels for name in CANCELLING} == {
        "column_norm": "nodes",
        "sign_sgd": "weights",
        "sinkgd": "nodes",
    }


@pytest.mark.parametrize(
    ("name", "mode", "is_direct", "goes_upstream", "cancelled"),
    [
        ("sgd", "local", False, True, False),
        ("adam", "lr_matched", False, True, False),
        ("sign_sgd", "local", False, True, True),
        ("column_norm", "local", False, True, True),
        ("scale", "local", False, True, True),
        ("sinkgd", "propagating", False, True, False),
        ("sinkgd", "propagating", False, False, True),
        ("sign_sgd", "propagating", True, True, True),
        # Factors of inputs, too, which a node's norm does not hold.
        ("column_norm", "propagating", True, True, False),
        ("column_norm", "lr_matched", True, True, True),
    ],
)
def test_where_grapes_would_change_nothing(name, mode, is_direct, goes_upstream, cancelled):
    reason = why_cancelled(RULES[name](), mode, is_direct=is_direct, goes_upstream=goes_upstream)
    assert (reason is not None) == cancelled
    if reason:
        assert f"'{mode}' would change nothing here" in reason


def test_vectors_are_one_node_for_rules_that_normalise_nodes():
    for entry in RULES:
        rule = entry.value()
        wanted = (1, 5) if entry.name in ("column_norm", "scale") else (5, 1)
        assert rule.matrix_shape((5,)) == wanted
        assert rule.matrix_shape(()) == (1, 1)
        assert rule.matrix_shape((5, 3, 2, 2)) == (5, 12)


def test_a_method_follows_the_rule_of_each_layer():
    update = AccumulatedSpec.of({"optimizer": {"name": "scale", "momentum": 0.5}})
    method = Method(name="scale", update=update)
    hidden, output = LayerShape("0", 8, 16), LayerShape("2", 16, 4, is_last=True)
    assert method.of_layer(output) is method
    assert method.of_layer(hidden).name == "column_norm"
    assert method.of_layer(hidden).word_bits == 0
    named = {"name": "scale", "output_layers": ("0",)}
    other = Method(name="scale", update=AccumulatedSpec.of({"optimizer": named}))
    assert [other.of_layer(one).name for one in (hidden, output)] == ["scale", "column_norm"]
