"""Training: is it desirable to start from Gaussian pre-activations?"""
