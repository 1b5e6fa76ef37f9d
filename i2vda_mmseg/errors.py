"""Errors that concern several rooms."""


class ConfigError(ValueError):
    """A mistake in a config, found before anything is built; the message starts with the path of the key."""


class NonFiniteError(ArithmeticError):
    """A loss or a gradient is NaN or infinite; the message names the iteration, the loss terms and the samples."""


def check_choice(key: str, value: object, choices: tuple[object, ...]) -> None:
    """Refuse a setting that is none of its choices.

    Example:
        >>> check_choice('resize_logits', 'thrice', ('once', 'twice'))
        Traceback (most recent call last):
        ...
        i2vda_mmseg.errors.ConfigError: resize_logits must be one of ('once', 'twice'), got 'thrice'
    """
    if value not in choices:
        raise ConfigError(f'{key} must be one of {choices}, got {value!r}')
