# DeepLab-v2 with a second head on layer3, as in AdaptSegNet, ADVENT, DA-VSN and TPS.
_base_ = './deeplabv2_r101.py'
second_head = dict(_base_.model.segmentor.decode_head, in_channels=1024, in_index=2)
model = dict(segmentor=dict(type='MultiLevelEncoderDecoder', auxiliary_head=second_head))
