"""Protocols, data only: which classes a number is about. Every ``metrics.json`` names its protocol."""

from typing import NamedTuple


class Protocol(NamedTuple):
    """What a figure means.

    Attributes:
        trained: Number of classes that the network predicts; the confusion is counted over all of them.
        not_reported: Classes left out of the mean and of the report, after counting.
        description: One sentence.
    """

    trained: int
    not_reported: tuple[str, ...]
    description: str


PROTOCOLS = {
    'viper15': Protocol(15, (), 'the 15 classes of VIPER -> Cityscapes as in DA-VSN: riders count as persons'),
    'synthia11': Protocol(
        12, ('fence',), 'the 11 reported of 12 trained classes of SYNTHIA -> Cityscapes as in DA-VSN: fence leaves the '
        'mean after counting, so that its errors still count for the other classes'
    ),
    'synthia11-strict': Protocol(11, (), 'the 11 classes of synthia11, trained alone: fence is ignored'),
}  # fmt: skip
