# StreetWorld, the embedded data set: game look -> camera look, in the layouts of VIPER and Cityscapes-Seq.
#   python tools/make_streetworld.py --out data/streetworld
_base_ = ['./viper2cs.py', '../models/deeplabv2_r18.py']  # small frames, small network
size = (192, 96)  # width, height
to_source_size = to_target_size = dict(_base_.resize, scale=size)
source_pipeline = [_base_.read_image, _base_.read_labels, to_source_size, _base_.pack]
target_pipeline = [_base_.read_frames, dict(_base_.each_frame, transforms=[to_target_size]), _base_.pack_frames]
test_pipeline = [_base_.read_image, to_target_size, _base_.read_labels, _base_.pack]
workers = dict(num_workers=0, persistent_workers=False)
target = dict(data_root='data/streetworld/cityscapes')
train_dataloader = dict(
    batch_size=2,
    **workers,
    dataset=dict(
        source=dict(data_root='data/streetworld/viper', pipeline=source_pipeline),
        target=dict(target, pairs='consecutive', pipeline=target_pipeline),
    ),
)
val_dataloader = dict(dataset=dict(target, pipeline=test_pipeline), **workers)
test_dataloader = val_dataloader
# Source pairs, made with --previous-frames: `train_dataloader = dict(dataset=dict(source=_base_.source_pairs))`
labelled_frames = dict(_base_.each_frame, mapping=dict(img=['frame_0', 'frame_1'], gt_seg_map=['gt_seg_map'] * 2))
source_pairs = dict(
    previous_frame=True,
    pipeline=[
        _base_.read_frames,
        _base_.read_labels,
        dict(labelled_frames, transforms=[to_source_size]),
        _base_.pack_frames,
    ],
)
