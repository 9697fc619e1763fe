"""Test a trained network: now, and after its devices have drifted."""
