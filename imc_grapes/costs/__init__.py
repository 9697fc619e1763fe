"""What the update of a network takes: memory on the host, and on the chip bits, devices, energy, time and area."""
