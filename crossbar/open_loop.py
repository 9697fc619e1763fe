"""What an update cannot do in open-loop training, while the devices are never read."""

from crossbar.specs import AccumulatedSpec, PulsedSpec, ReadSpec


def open_loop_problems(
    read: ReadSpec, update: PulsedSpec | AccumulatedSpec
) -> list[tuple[tuple[str, ...], str]]:
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
    if isinstance(update, PulsedSpec) and update.trains == "per_sample":
        problems.append(
            (
                ("update", "trains"),
                "where random trains coincide is known only by a read of the devices, which "
                "read.during_training: never rules out; must be summed (got per_sample)",
            )
        )
    return problems
