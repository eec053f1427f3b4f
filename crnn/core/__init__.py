"""What every part shares: errors, charset, what a model says of itself, readings and their measures."""
