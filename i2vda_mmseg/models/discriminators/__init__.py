"""Discriminators."""

from .discriminator_set import DiscriminatorSet
from .fc_discriminator import FCDiscriminator

__all__ = ['DiscriminatorSet', 'FCDiscriminator']
