# What is video about I2VDA, for any method: `model = dict(temporal=_base_.temporal)`, with a proxy that is renewed.
temporal = dict(
    type='TemporalAugmentedConsistency',
    # NVIDIA's weights of FlowNet2, made by tools/model_converters/flownet2_nvidia.py
    flow_estimator=dict(type='MMFlow', model='flownet2_nvidia', checkpoint='checkpoints/flownet2_nvidia.pth'),
    temporal_augmentation=dict(type='TemporalAugmentation', alpha=0.5, t='random'),  # Sec. 3.3
    pseudo_label_head=dict(type='OcclusionAwarePseudoLabelHead', delta=0.3, eta=1.0, frame='1'),  # Table 5
    lambda_tc=1.0,
)
# The same with flow that needs no weights, and a smaller weight and a stricter filter, as I2VDA's leaf of StreetWorld
small_temporal = dict(
    temporal,
    flow_estimator=dict(type='DISFlow'),
    pseudo_label_head=dict(type='OcclusionAwarePseudoLabelHead', delta=0.1, eta=1.0, frame='1'),
    lambda_tc=0.2,
)
