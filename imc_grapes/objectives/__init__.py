"""What networks learn to do: classify images, predict the next chord, predict the next word."""
