"""Update rules: what becomes of a weight gradient before the learning rate multiplies it; one rule per file."""

from crossbar.rules.base import RULES, Arithmetic, Rule, carried_out_by
from crossbar.rules.cancelled import why_cancelled
from crossbar.rules.choice import RuleChoice

__all__ = ["RULES", "Arithmetic", "Rule", "RuleChoice", "carried_out_by", "why_cancelled"]
