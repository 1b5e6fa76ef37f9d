"""Building the segmentor of a method, with advice where that fails."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.error import URLError

from mmseg.registry import MODELS

from i2vda_mmseg.errors import ConfigError


def build_network(segmentor: Mapping[str, Any]) -> Any:
    """Build M.

    Args:
        segmentor: Config of a segmentor of mmseg.

    Raises:
        ConfigError: If it predicts no classes, or starts from weights that are not named.
        RuntimeError: If weights named by the config cannot be fetched.
    """
    _check_kind(segmentor)
    with advice_on_downloads(segmentor):
        return MODELS.build(segmentor)


def _check_kind(segmentor: Mapping[str, Any]) -> None:
    """Refuse what mmseg builds without saying why it cannot be trained."""
    if segmentor.get('type') == 'DepthEstimator':
        raise ConfigError('model.segmentor.type: DepthEstimator estimates depth and has no classes to adapt')
    head = segmentor.get('decode_head') or {}
    starts_from = segmentor.get('pretrained') or (isinstance(head, Mapping) and head.get('init_cfg'))
    if isinstance(head, Mapping) and head.get('type') == 'SideAdapterCLIPHead' and not starts_from:
        raise ConfigError(
            "model.segmentor.pretrained: SAN starts from CLIP's weights, and mmseg draws no others: give the file that "
            "mmseg's tools/model_converters/clip2mmseg.py writes"
        )


@contextmanager
def advice_on_downloads(segmentor: Mapping[str, Any]) -> Iterator[None]:
    """Build or initialise a segmentor, turning a failed download of its weights into advice.

    Args:
        segmentor: Its config, whose keys the advice names.

    Raises:
        RuntimeError: If weights named by the config cannot be fetched.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, ConfigError) or not _is_of_the_network(error):
            raise
        from_file, from_none = _weights_options(segmentor)
        raise RuntimeError(
            f'the initial weights of model.segmentor could not be downloaded ({error}). Download them where there is '
            f'a network and pass --cfg-options {from_file}, or start from random weights with --cfg-options {from_none}'
        ) from error


def _is_of_the_network(error: Exception) -> bool:
    library = type(error).__module__.partition('.')[0]
    hub = library in ('huggingface_hub', 'httpx', 'httpx2', 'requests') or 'huggingface.co' in str(error)
    return hub or isinstance(error, (URLError, ConnectionError, TimeoutError))


def _weights_options(segmentor: Mapping[str, Any]) -> tuple[str, str]:
    """Give what to override for weights from a file, and for none, by the key that names the weights."""
    backbone = segmentor.get('backbone') or {}
    if backbone.get('pretrained') is True:  # timm's
        key = 'model.segmentor.backbone'
        return f'{key}.pretrained=False {key}.checkpoint_path=FILE', f'{key}.pretrained=False'
    for key, part in (('model.segmentor', segmentor), ('model.segmentor.backbone', backbone)):
        if part.get('pretrained'):
            return f'{key}.pretrained=FILE', f'{key}.pretrained=None'
    return 'model.segmentor.backbone.init_cfg.checkpoint=FILE', 'model.segmentor.backbone.init_cfg=None'
