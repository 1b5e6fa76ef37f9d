# VIPER -> Cityscapes-Seq as FDA reads it: source crops of the target's size, in the target's look.
# Sizes of the released gta5_dataset.py and, for the average of several networks, evaluation_multi.py.
_base_ = './viper2cs.py'
source_size, crop_size, test_size = (1280, 720), (512, 1024), (1344, 576)  # width, height; the crop's height, width
crop, to_test_size = dict(type='RandomCrop', crop_size=crop_size), dict(_base_.resize, scale=test_size)
to_source_size = dict(_base_.resize, scale=source_size)
source_pipeline = [_base_.read_image, _base_.read_labels, to_source_size, _base_.mask_ego_vehicle, crop, _base_.pack]
# The last stage learns from pseudo-labels; before it there are none to load.
target_pipeline = [*_base_.target_pipeline[:-1], dict(type='LoadPseudoLabels'), _base_.pack_frames]
multi_band_test_pipeline = [_base_.read_image, to_test_size, _base_.read_labels, _base_.pack]
train_dataloader = dict(
    dataset=dict(
        source=dict(pipeline=source_pipeline),
        target=dict(pipeline=target_pipeline),
        joint_pipeline=[dict(type='SpectrumTransfer', beta=0.01, half_spectrum=True)],  # each stage sets its own
    )
)
