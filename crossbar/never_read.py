"""What an update cannot do while the devices are never read."""

from crossbar.specs import AccumulatedSpec, PulsedSpec, ReadSpec


def never_read_problems(
    read: ReadSpec, update: PulsedSpec | AccumulatedSpec
) -> list[tuple[tuple[str, ...], str]]:
    """Why an update cannot go without reads, as the key to blame and a message; nothing where it can."""
    if read.during_training != "never":
        return []
    found: list[tuple[tuple[str, ...], str]] = []
    if update.refresh.every_updates is not None:
        found.append(
            (
                ("update", "refresh", "every_updates"),
                "a refresh reads the devices, which read.during_training: never rules out; must be null (got "
                f"{update.refresh.every_updates})",
            )
        )
    if isinstance(update, PulsedSpec) and update.trains == "per_sample":
        found.append(
            (
                ("update", "trains"),
                "where random trains coincide is known to nobody who does not read the devices, which "
                "read.during_training: never rules out; must be summed (got per_sample)",
            )
        )
    return found
