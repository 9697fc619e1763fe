"""Arrays of devices and the circuits around them."""
