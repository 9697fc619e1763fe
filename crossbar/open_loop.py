"""What an update cannot do in open-loop training, while the devices are never read."""

from crossbar.specs import GradientPulses, ReadSpec, TransferSpec, UpdateSpec


def open_loop_problems(read: ReadSpec, update: UpdateSpec) -> list[tuple[tuple[str, ...], str]]:
    """Why an update cannot go without reads, as the key to blame and a message; nothing where it can."""
    if read.during_training != "never":
        return []
    problems: list[tuple[tuple[str, ...], str]] = []
    if update.refresh.every_updates is not None:
        problems.append(
            (
                ("update", "refresh", "every_updates"),
                "a refresh reads the devices, which read.during_training: never rules out; must be null (got "
                f"{update.refresh.every_updates})",
            )
        )
    if isinstance(update, TransferSpec):
        problems.append(
            (
                ("update", "kind"),
                f"{update.kind} reads columns of its second array, which read.during_training: never rules out",
            )
        )
    if isinstance(update, GradientPulses) and update.trains == "per_sample":
        problems.append(
            (
                ("update", "trains"),
                "where random trains coincide is known only by a read of the devices, which "
                "read.during_training: never rules out; must be summed (got per_sample)",
            )
        )
    return problems
