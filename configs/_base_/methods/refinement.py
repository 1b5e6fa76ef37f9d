# Pseudo-labels that the frame before confirms, for self-training: `model = dict(refinement=_base_.refinement)`
refinement = dict(
    type='PseudoLabelRefinement',
    # NVIDIA's weights of FlowNet2, made by tools/model_converters/flownet2_nvidia.py
    flow_estimator=dict(type='MMFlow', model='flownet2_nvidia', checkpoint='checkpoints/flownet2_nvidia.pth'),
    mode='consistency',
    eta=1.0,
)
small_refinement = dict(refinement, flow_estimator=dict(type='DISFlow'))  # needs no weights
