"""Networks, a kind per file: perceptron, CNN, LeNet, ResNet9, and over time spiking units, RNN, LSTM, GRU."""
