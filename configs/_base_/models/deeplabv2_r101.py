# DeepLab-v2 with ResNet-101 as AdaptSegNet builds it, Sec. 3.2 of the paper.
model = dict(
    data_preprocessor=dict(
        type='DomainDataPreprocessor',
        mean=[104.00698793, 116.66876762, 122.67891434],  # BGR, Caffe's ImageNet mean
        std=[1.0, 1.0, 1.0],
        bgr_to_rgb=False,
        pad_val=0,
        seg_pad_val=255,
    ),
    resize_logits='once',  # to the labels' size at once, as the released codes test
    segmentor=dict(
        type='EncoderDecoder',
        backbone=dict(
            type='DeepLabResNet',
            depth=101,
            style='caffe',
            num_stages=4,
            out_indices=(0, 1, 2, 3),
            strides=(1, 2, 1, 1),
            dilations=(1, 1, 2, 4),
            contract_dilation=False,
            norm_cfg=dict(type='BN', requires_grad=False),  # affine frozen, statistics of the batch: AdaptSegNet's code
            norm_eval=False,
            init_cfg=dict(type='Pretrained', checkpoint='open-mmlab://detectron2/resnet101_caffe'),
        ),
        decode_head=dict(
            type='DLV2Head',
            in_channels=2048,
            in_index=3,
            num_classes=15,
            dilations=(6, 12, 18, 24),
            align_corners=True,
            loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),  # Eq. 10: the mean over labelled pixels
        ),
        train_cfg=dict(),
        test_cfg=dict(mode='whole'),
    ),
)
