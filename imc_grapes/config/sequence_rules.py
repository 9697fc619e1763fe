"""What networks over time, and the data they are for, ask of each other."""

from collections.abc import Iterator

from imc_grapes.config.schema import DigitalHardware, RunConfig
from imc_grapes.config.yaml_file import KeyPath
from imc_grapes.data.base import ImageData
from imc_grapes.networks.base import NETWORKS

Problem = tuple[KeyPath, str]


def sequence_problems(config: RunConfig) -> Iterator[Problem]:
    """Rules between ``data:``, ``network:`` and ``hardware:``, as the key to blame and a message."""
    network, data = config.network, config.data
    if network.takes == "images":
        if not isinstance(data, ImageData):
            yield (
                ("network", "kind"),
                f"'{network.kind}' takes images, and '{data.name}' is sequences; use {_over_time()}",
            )
            return
        for key in ("rate_coding", "sequence"):
            if getattr(data, key) is not None:
                yield (
                    ("data", key),
                    f"a network of kind '{network.kind}' takes images as they are; use {_over_time()}",
                )
    elif isinstance(data, ImageData):
        if data.rate_coding is None and data.sequence is None:
            yield (
                ("data", "rate_coding"),
                f"a network of kind '{network.kind}' takes images as spike trains, and rate_coding says how; or row by "
                "row, with data.sequence: rows",
            )
        if data.rate_coding is not None and data.sequence is not None:
            yield ("data", "sequence"), "an image is either rate coded or read row by row, not both"
    elif config.training.loss != "cross_entropy":
        yield ("training", "loss"), f"belongs to images; '{data.name}' has the log-likelihood"
    hardware = config.hardware
    plain = isinstance(hardware, DigitalHardware) and hardware.statistics is None
    for key_path, message in network.problems(data, on_devices=not plain):
        yield ("network", *key_path), message


def _over_time() -> str:
    """``gru, lstm, rnn, snu or ssnu``."""
    *most, last = (one.name for one in NETWORKS if one.value.takes == "sequences")
    return f"{', '.join(most)} or {last}"
