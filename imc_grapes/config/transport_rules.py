"""What an error transport other than backpropagation asks of the rest of a config."""

from collections.abc import Iterator

from imc_grapes.config.schema import RunConfig
from imc_grapes.config.yaml_file import KeyPath

Problem = tuple[KeyPath, str]


def transport_problems(config: RunConfig) -> Iterator[Problem]:
    """Rules of ``training.error_transport`` and of GRAPES under it, as the key to blame and a message."""
    transport, grapes = config.training.error_transport, config.training.grapes
    if grapes.clip is not None and grapes.mode == "none":
        yield ("training", "grapes", "clip"), f"is {grapes.clip}, but grapes.mode is none"
    if transport == "bp":
        return
    key = ("training", "error_transport")
    network = config.network
    if network.takes == "sequences":
        yield (
            key,
            f"'{transport}' is not defined over time, for a network of kind '{network.kind}'; use bp, or a network "
            "without recurrence such as mlp or cnn",
        )
        return
    hidden = network.hidden_layers()
    if hidden == 0:
        yield key, f"'{transport}' sends errors to hidden layers, and network.hidden is empty"
    if transport == "dfa" and grapes.mode != "none":
        yield from _direct_problems(config, hidden)


def _direct_problems(config: RunConfig, hidden: int | None) -> Iterator[Problem]:
    grapes = config.training.grapes
    if hidden == 1:
        yield (
            ("training", "grapes", "mode"),
            "under dfa the first hidden layer gets no factor, and there is no other one in network.hidden",
        )
    if grapes.mode == "local":
        yield (
            ("training", "grapes", "mode"),
            "'local' keeps the modulated error from going upstream, and under dfa none does; use propagating",
        )
    if not grapes.readout.is_exact:
        yield (
            ("training", "grapes", "readout"),
            f"the circuit {grapes.readout.kind} reads a layer's nodes, and under dfa the factors are those of its "
            "inputs; leave it out",
        )
