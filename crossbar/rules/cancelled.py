"""Rules that divide the factors of GRAPES out again."""

from crossbar.rules.base import Rule


def why_cancelled(rule: Rule, mode: str, *, is_direct: bool, goes_upstream: bool) -> str | None:
    """Why the factors of GRAPES would change no weight's update; None where they do.

    A factor of a node multiplies the gradient of all its incoming weights, and, where it travels on with the error,
    changes what the nodes upstream receive, each by another sum.

    Args:
        rule: that the modulated layers follow.
        mode: of GRAPES: propagating, local, lr_matched.
        is_direct: whether errors come straight from the output, so that no factor travels on; then weights have factors
            of their inputs, too.
        goes_upstream: whether any layer lies upstream of a modulated one.
    """
    hidden = rule.of_layer(None, is_last=False)
    if hidden.cancels == "none":
        return None
    if mode == "lr_matched":
        what = "one factor for a whole layer"
    elif hidden.cancels == "weights" and (mode == "local" or is_direct or not goes_upstream):
        what = "every factor"
    elif not is_direct and (mode == "local" or not goes_upstream):
        what = "the factor of every node"
    else:
        return None
    return (
        f"'{mode}' would change nothing here: {hidden.name} divides {what} out again"
        + ("; the plain rule is its own control" if mode == "lr_matched" else "")
        + ("" if mode != "propagating" or is_direct else ", and no layer lies upstream")
    )
