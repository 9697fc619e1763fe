"""What networks over time, and the data they are for, ask of each other."""

from collections.abc import Iterator

from imc_grapes.config.schema import (
    DataConfig,
    DigitalHardware,
    ImageNetworkConfig,
    RunConfig,
    SequenceNetworkConfig,
    SNUConfig,
    WordsConfig,
)
from imc_grapes.config.yaml_file import KeyPath

Problem = tuple[KeyPath, str]


def sequence_problems(config: RunConfig) -> Iterator[Problem]:
    """Rules between ``data:``, ``network:`` and ``hardware:``, as the key to blame and a message."""
    network, data = config.network, config.data
    if isinstance(network, ImageNetworkConfig):
        if not isinstance(data, DataConfig):
            yield (
                ("network", "kind"),
                f"'{network.kind}' takes images, and '{data.name}' is sequences; use snu, ssnu, rnn, lstm or gru",
            )
        else:
            for key in ("rate_coding", "sequence"):
                if getattr(data, key) is not None:
                    yield (
                        ("data", key),
                        f"a network of kind '{network.kind}' takes images as they are; use snu, ssnu, rnn, lstm or gru",
                    )
        return
    if isinstance(data, DataConfig):
        if data.rate_coding is None and data.sequence is None:
            yield (
                ("data", "rate_coding"),
                f"a network of kind '{network.kind}' takes images as spike trains, and rate_coding says how; or row by "
                "row, with data.sequence: rows",
            )
        if data.rate_coding is not None and data.sequence is not None:
            yield ("data", "sequence"), "an image is either rate coded or read row by row, not both"
    if not isinstance(data, DataConfig) and config.training.loss != "cross_entropy":
        yield ("training", "loss"), f"belongs to images; '{data.name}' has the log-likelihood"
    if not isinstance(data, DataConfig) and network.output == "units":
        yield ("network", "output"), f"'{data.name}' needs log-odds, which only linear gives"
    if network.output == "units" and network.output_bias != 0.0:
        yield ("network", "output_bias"), "belongs to a linear output; units have bias_init"
    yield from _word_problems(network, config)
    if isinstance(network, SNUConfig):
        yield from _unit_problems(network)
    yield from _hardware_problems(config, network)


def _word_problems(network: SequenceNetworkConfig, config: RunConfig) -> Iterator[Problem]:
    for_words = isinstance(config.data, WordsConfig)
    if for_words and network.embedding is None:
        yield ("network", "embedding"), "words need one: how many numbers stand for a word?"
    if not for_words and network.embedding is not None:
        yield ("network", "embedding"), f"belongs to words, and '{config.data.name}' has none"
    if network.tied and network.embedding != network.hidden[-1]:
        yield (
            ("network", "tied"),
            f"needs an embedding as wide as the last hidden layer (embedding is {network.embedding}, "
            f"the layer has {network.hidden[-1]} units)",
        )


def _unit_problems(network: SNUConfig) -> Iterator[Problem]:
    if network.decay_per_unit and not network.train_decay:
        yield ("network", "decay_per_unit"), "makes no difference unless train_decay is true"
    if network.kind == "ssnu" and network.pseudo_derivative != "tanh":
        yield (
            ("network", "pseudo_derivative"),
            "belongs to snu: the derivatives of ssnu are its own",
        )


def _hardware_problems(config: RunConfig, network: SequenceNetworkConfig) -> Iterator[Problem]:
    hardware = config.hardware
    plain = isinstance(hardware, DigitalHardware) and hardware.statistics is None
    if network.tied and not plain:
        yield (
            ("network", "tied"),
            "weights on devices cannot be shared with the digital embedding",
        )
