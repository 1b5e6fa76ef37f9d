_base_ = [
    '../_base_/methods/cmom.py',
    '../_base_/datasets/synthia2cs_two-frame.py',
    '../_base_/schedules/cmom_40k.py',
]
model = dict(
    segmentor=dict(decode_head=dict(num_classes=12), auxiliary_head=dict(num_classes=12)),
    stuff_classes=[0, 1, 2, 3, 7, 8],  # road, sidewalk, building, fence, vegetation and sky: VIPER's that are here
)
