"""What several networks share."""


def leaky_relu() -> dict:
    """Give the activation of the FlowNets and of the feature pyramids."""
    return dict(type='LeakyReLU', negative_slope=0.1)


def levels(first: int, last: int) -> list[str]:
    """Name pyramid levels; level n is 2^n times smaller than the frame, unless the network says otherwise."""
    return [f'level{level}' for level in range(first, last + 1)]


def bgr_unit_range() -> dict:
    """Give the input handling of most networks: BGR in 0..1."""
    return dict(type='FlowDataPreprocessor', mean=[0.0] * 3, std=[255.0] * 3, bgr_to_rgb=False)
