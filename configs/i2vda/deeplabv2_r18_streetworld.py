_base_ = [
    '../_base_/methods/i2vda.py',
    '../_base_/datasets/streetworld.py',
    '../_base_/schedules/streetworld_adversarial.py',
]
model = dict(
    _base_.small_model,
    discriminator=_base_.small_discriminator,
    flow_estimator=dict(_delete_=True, type='DISFlow'),  # needs no weights
    lambda_adv=0.05,  # five times the paper's, for a schedule sixty times shorter
    # An immature proxy teaches its mistakes: a smaller weight and a stricter filter than the paper's.
    lambda_tc=0.2,
    pseudo_label_head=dict(delta=0.1),
)
default_hooks = dict(proxy_copy=dict(interval=400, launch=400))
# F_01 and F_10 in the data workers; I_t and F_1t in the model, with one t an iteration
target_pipeline = [*_base_.target_pipeline[:-1], dict(type='EstimateFlow'), _base_.pack_frames]
train_dataloader = dict(dataset=dict(target=dict(pipeline=target_pipeline)))
