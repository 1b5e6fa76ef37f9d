# A small vision transformer from random weights, with a token for 8 x 8 pixels.
_base_ = [
    '../_base_/methods/vfmuda.py',
    '../_base_/models/deeplabv2_r101.py',
    '../_base_/datasets/streetworld.py',
    '../_base_/schedules/streetworld_source.py',
]
config = dict(
    model_type='dinov2',
    hidden_size=96,
    num_hidden_layers=4,
    num_attention_heads=4,
    image_size=96,
    patch_size=8,
    out_indices=[4],
)
backbone = dict(_delete_=True, type='HFBackbone', config=config, multiple=8)
loss = dict(type='CrossEntropyLoss', avg_non_ignore=True)
head = dict(_delete_=True, type='LightHead', in_channels=96, num_classes=15, align_corners=False, loss_decode=loss)
colours = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True)
segmentor = dict(backbone=backbone, decode_head=head)
model = dict(_base_.method, data_preprocessor=colours, segmentor=segmentor, resize_logits='twice')
optimizer = dict(_delete_=True, type='AdamW', lr=1e-3, weight_decay=0.01)
optim_wrapper = dict(segmentor=dict(optimizer=optimizer, paramwise_cfg=dict(_delete_=True, layer_decay=0.9)))
default_hooks = dict(proxy_ema=dict(momentum=0.99))  # the average of 100 iterations: the schedule has 800
