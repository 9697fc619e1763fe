"""Which weights a model has, where each lies, and its conversion to crossbars."""
