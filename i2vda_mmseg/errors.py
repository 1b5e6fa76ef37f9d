"""The error of a config that contradicts itself."""


class ConfigError(ValueError):
    """A mistake in a config, found before anything is built; the message starts with the path of the key."""
