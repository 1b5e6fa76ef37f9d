_base_ = [
    '../_base_/methods/tps.py',
    '../_base_/datasets/viper2cs_two-frame.py',
    '../_base_/schedules/tps_40k.py',
]
train_dataloader = dict(
    dataset=dict(
        target=dict(frames=3, pipeline=_base_.three_frame_pipeline),
        joint_pipeline=[dict(type='HistogramMatching')],
    )
)
