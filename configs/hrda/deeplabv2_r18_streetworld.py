# Images of twice the size of the other leaves: the context is what those see.
_base_ = '../daformer/deeplabv2_r18_streetworld.py'
to_size = dict(_base_.to_target_size, scale=(384, 192))  # width, height
source_pipeline = [_base_.read_image, _base_.read_labels, to_size, _base_.pack]
target_pipeline = [_base_.read_frames, dict(_base_.each_frame, transforms=[to_size]), _base_.pack_frames]
test_pipeline = [_base_.read_image, to_size, _base_.read_labels, _base_.pack]
attention_head = dict(
    type='ScaleAttentionHead', in_channels=[128], in_index=[3], channels=32, num_classes=15, align_corners=True
)
hrda = dict(type='HRDAEncoderDecoder', attention_head=attention_head, detail_size=(96, 192), output_stride=8)
model = dict(type='HRDA', segmentor=hrda)
train_dataloader = dict(dataset=dict(source=dict(pipeline=source_pipeline), target=dict(pipeline=target_pipeline)))
val_dataloader = test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
