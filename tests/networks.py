"""Tiny networks of every kind of head that mmseg has, for tests of what methods make of them."""

import torch
from helpers import tiny_segmentor_cfg
from mmengine.config import ConfigDict
from mmengine.model import BaseModule
from mmengine.structures import PixelData
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from torch import nn

CE = dict(type='CrossEntropyLoss')
OHEM = dict(type='OhemCrossEntropy', thres=0.9, min_kept=100)
BN = dict(type='BN')


@MODELS.register_module(force=True)
class PyramidBackbone(BaseModule):
    """Three feature maps of 4, 4 and 8 channels, of a quarter, an eighth and an eighth of the sides."""

    def __init__(self, init_cfg=None):
        super().__init__(init_cfg)
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, stride=4, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        self.middle = nn.Sequential(nn.Conv2d(4, 4, 3, stride=2, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        self.top = nn.Sequential(nn.Conv2d(4, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())

    def forward(self, x):
        low = self.stem(x)
        middle = self.middle(low)
        return low, middle, self.top(middle)


@MODELS.register_module(force=True)
class KeepingBackbone(PyramidBackbone):
    """Keeps what it computed from weights that are NaN until they are drawn."""

    def __init__(self, init_cfg=None):
        super().__init__(init_cfg)
        self.kept = None
        self.scale = nn.Parameter(torch.tensor(float('nan')))

    def forward(self, x):
        self.kept = self.scale if self.kept is None else self.kept
        return tuple(self.kept * feature for feature in super().forward(x))


@MODELS.register_module(force=True)
class QueryHead(BaseModule):
    """Masks and classes of queries over several layers, without a ``BaseDecodeHead`` below it, as MaskFormer."""

    def __init__(self, in_channels, num_classes, queries=4, layers=2, align_corners=False, init_cfg=None):
        super().__init__(init_cfg)
        self.num_classes = self.out_channels = num_classes
        self.align_corners = align_corners
        self.masks = nn.ModuleList(nn.Conv2d(in_channels, queries, 1) for _ in range(layers))
        self.classes = nn.Parameter(torch.randn(layers, queries, num_classes + 1))
        self.ce = nn.CrossEntropyLoss(ignore_index=255)

    def forward(self, x, batch_data_samples):
        return self.classes[:, None].expand(-1, len(batch_data_samples), -1, -1), [mask(x[-1]) for mask in self.masks]

    def loss(self, x, batch_data_samples, train_cfg):
        return self.loss_by_feat(*self(x, batch_data_samples), batch_data_samples)

    def loss_by_feat(self, classes, masks, samples):
        labels = torch.stack([sample.gt_sem_seg.data[0] for sample in samples])
        return {
            f'd{i}.loss_mask': self.ce(self.scores(classes[i], masks[i], labels.shape[-2:]).log(), labels)
            for i in range(len(masks))
        }

    def scores(self, classes, masks, size):
        masks = nn.functional.interpolate(masks, size, mode='bilinear', align_corners=False).sigmoid()
        return torch.einsum('bqc,bqhw->bchw', classes.softmax(-1)[..., :-1], masks)

    def predict(self, x, batch_img_metas, test_cfg):
        classes, masks = self(x, batch_img_metas)
        return self.scores(classes[-1], masks[-1], batch_img_metas[0]['img_shape'])


@MODELS.register_module(force=True)
class ShyHead(BaseDecodeHead):
    """In training gives a pair of which neither is the sum that it predicts with."""

    def forward(self, inputs):
        x = self.cls_seg(self._transform_inputs(inputs)[:, : self.channels])
        return (x / 3, 2 * x / 3) if self.training else x

    def loss_by_feat(self, seg_logits, batch_data_samples):
        return super().loss_by_feat(sum(seg_logits), batch_data_samples)

    def predict(self, inputs, batch_img_metas, test_cfg):
        output = self.forward(inputs)
        return self.predict_by_feat(sum(output) if isinstance(output, tuple) else output, batch_img_metas)


@MODELS.register_module(force=True)
class HiddenHead(ShyHead):
    """One that predicts with something else than it learns."""

    def predict(self, inputs, batch_img_metas, test_cfg):
        output = self.forward(inputs)
        return self.predict_by_feat(output[0] if isinstance(output, tuple) else output, batch_img_metas)


def head(kind, **options):
    """Config of a plain head over the last feature map."""
    return dict(type=kind, in_channels=8, in_index=2, channels=8, num_classes=3, align_corners=False) | options


def fcn(**options):
    return head('FCNHead', num_convs=1, concat_input=False, norm_cfg=BN) | options


def auxiliary(**options):
    return fcn(in_channels=4, in_index=1, channels=4, loss_decode=dict(CE, loss_weight=0.4)) | options


def network(decode_head, kind='EncoderDecoder', backbone=None, **options):
    return ConfigDict(
        type=kind,
        backbone=backbone or dict(type='PyramidBackbone'),
        decode_head=decode_head,
        train_cfg=dict(),
        test_cfg=dict(mode='whole'),
        **options,
    )


def _knet():
    update = dict(
        type='KernelUpdateHead',
        num_classes=3,
        num_ffn_fcs=2,
        num_heads=2,
        num_mask_fcs=1,
        feedforward_channels=16,
        in_channels=8,
        out_channels=8,
        dropout=0.0,
        conv_kernel_size=1,
        ffn_act_cfg=dict(type='ReLU'),
        with_ffn=True,
        feat_transform_cfg=dict(conv_cfg=dict(type='Conv2d'), act_cfg=None),
        kernel_updator_cfg=dict(
            type='KernelUpdator', in_channels=8, feat_channels=8, out_channels=8, act_cfg=dict(type='ReLU')
        ),
    )
    return dict(
        type='IterativeDecodeHead',
        num_stages=2,
        kernel_update_head=[update] * 2,
        kernel_generate_head=fcn(dropout_ratio=0),
    )


def _pidnet():
    backbone = dict(type='PIDNet', channels=4, ppm_channels=8, num_stem_blocks=1, num_branch_blocks=1, norm_cfg=BN)
    losses = [CE, OHEM, dict(type='BoundaryLoss', loss_weight=20.0), OHEM]
    return network(
        dict(
            type='PIDHead', in_channels=16, channels=8, num_classes=3, norm_cfg=BN, dropout_ratio=0, loss_decode=losses
        ),
        backbone=backbone,
    )


def _ddrnet():
    backbone = dict(type='DDRNet', channels=4, ppm_channels=8, norm_cfg=BN)
    return network(
        dict(
            type='DDRHead',
            in_channels=16,
            channels=8,
            num_classes=3,
            norm_cfg=BN,
            dropout_ratio=0,
            loss_decode=[OHEM, OHEM],
        ),
        backbone=backbone,
    )


def _pointrend():
    point = head('PointHead', in_channels=[4], in_index=[0], num_fcs=1, coarse_pred_each_layer=True, dropout_ratio=-1)
    config = network(
        [fcn(dropout_ratio=0), point],
        'CascadeEncoderDecoder',
        num_stages=2,
    )
    config.train_cfg = dict(num_points=16, oversample_ratio=3, importance_sample_ratio=0.75)
    config.test_cfg = dict(mode='whole', subdivision_steps=1, subdivision_num_points=32, scale_factor=2)
    return config


def networks():
    """One config a kind of head, by its name."""
    plain = dict(dropout_ratio=0)
    ocr = head('OCRHead', ocr_channels=4, norm_cfg=BN, **plain)
    return {
        'DLV2': tiny_segmentor_cfg(),
        'FCN': network(fcn(**plain), auxiliary_head=auxiliary(**plain)),
        'two auxiliary heads': network(
            fcn(**plain), auxiliary_head=[auxiliary(**plain), auxiliary(in_index=0, **plain)]
        ),
        'DANet': network(head('DAHead', pam_channels=4, norm_cfg=BN, **plain), auxiliary_head=auxiliary(**plain)),
        'EncNet': network(
            head(
                'EncHead',
                in_channels=[4, 8],
                in_index=(1, 2),
                num_codes=4,
                norm_cfg=BN,
                loss_se_decode=dict(CE, use_sigmoid=True, loss_weight=0.2),
                **plain,
            )
        ),
        'OCRNet': network(
            [fcn(loss_decode=dict(CE, loss_weight=0.4), **plain), ocr], 'CascadeEncoderDecoder', num_stages=2
        ),
        'K-Net': network(_knet(), auxiliary_head=auxiliary(**plain)),
        'PIDNet': _pidnet(),
        'DDRNet': _ddrnet(),
        'PointRend': _pointrend(),
        'queries': network(dict(type='QueryHead', in_channels=8, num_classes=3)),
        'shy': network(head('ShyHead', **plain)),
    }


def with_edges(samples):
    """Give samples the boundary maps from which PIDNet learns."""
    for sample in samples:
        sample.gt_edge_map = PixelData(data=(sample.gt_sem_seg.data == 1).long())
    return samples


def with_some_ignored(source):
    """Ignore the upper rows of a source batch."""
    with_edges(source['data_samples'])
    for sample in source['data_samples']:
        sample.gt_sem_seg.data[..., :5, :] = 255
    return source
