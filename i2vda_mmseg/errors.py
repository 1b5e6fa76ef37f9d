"""Errors that concern several rooms."""


class ConfigError(ValueError):
    """A mistake in a config, found before anything is built; the message starts with the path of the key."""


class NonFiniteError(ArithmeticError):
    """A loss or a gradient is NaN or infinite; the message names the iteration, the loss terms and the samples."""
