"""Which operators mixed precision casts, for the fake device: the lists of PyTorch's documentation for CUDA.

https://pytorch.org/docs/stable/amp.html, "CUDA Ops that can autocast to float16" and "to float32".
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

KEY = 'AutocastPrivateUse1'
LOWER = (
    'conv1d', 'conv2d', 'conv3d', 'conv_transpose1d', 'conv_transpose2d.input', 'conv_transpose3d.input', 'linear',
    'matmul', 'mm', 'bmm', 'mv', 'addmm', 'addmv', 'addbmm', 'baddbmm', 'einsum', 'chain_matmul', 'linalg_multi_dot',
    'prelu', 'scaled_dot_product_attention',
)  # fmt: skip
FLOAT32 = (
    'acos', 'asin', 'cosh', 'sinh', 'tan', 'erfinv', 'exp', 'expm1', 'log', 'log10', 'log1p', 'log2', 'reciprocal',
    'rsqrt', 'pow.Tensor_Scalar', 'pow.Tensor_Tensor', 'pow.Scalar', 'cumsum', 'cumprod', 'prod', 'dist', 'cdist',
    'norm.Scalar', 'norm.ScalarOpt_dim', 'layer_norm', 'group_norm', 'softplus', 'softmax.int', 'log_softmax.int',
    'cosine_similarity', 'mse_loss', 'l1_loss', 'smooth_l1_loss', 'huber_loss', 'kl_div', 'soft_margin_loss',
    'nll_loss', 'nll_loss2d', 'cross_entropy_loss', 'binary_cross_entropy_with_logits', 'cosine_embedding_loss',
)  # fmt: skip
_KEYS = torch._C.DispatchKeySet(torch._C._dispatch_key_parse(KEY))
_LIBRARIES: list[torch.library.Library] = []  # operators are taken back when their library is collected


def register_autocast() -> None:
    """Let ``torch.autocast`` cast on the fake device."""
    rest = torch.library.Library('_', 'IMPL', KEY)
    rest.fallback(torch.library.fallthrough_kernel)
    cast = torch.library.Library('aten', 'IMPL', KEY)
    for names, dtype in ((LOWER, None), (FLOAT32, torch.float32)):
        for name in names:
            cast.impl(name, _casting(name, dtype))
    _LIBRARIES.extend((rest, cast))


def _casting(name: str, dtype: torch.dtype | None) -> Callable:
    """The operator on arguments of ``dtype``, or of autocast's where it is None."""
    packet, _, overload = name.partition('.')
    operator = getattr(getattr(torch.ops.aten, packet), overload or 'default')

    def casting(*args: Any, **kwargs: Any) -> Any:
        """Cast, then run the operator without autocast."""
        to = dtype or torch.get_autocast_dtype(torch.utils.backend_registration._get_privateuse1_backend_name())
        with torch._C._ExcludeDispatchKeyGuard(_KEYS):
            return operator(
                *[_cast(value, to) for value in args], **{key: _cast(value, to) for key, value in kwargs.items()}
            )

    return casting


def _cast(value: Any, dtype: torch.dtype) -> Any:
    if isinstance(value, (tuple, list)):
        return type(value)(_cast(each, dtype) for each in value)
    if isinstance(value, Tensor) and value.is_floating_point() and value.dtype != torch.float64:
        return value.to(dtype)
    return value
