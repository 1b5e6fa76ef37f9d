# DA-VSN's released train_video_UDA.py: the norm of the gradients is clipped to 1.
_base_ = './adversarial_50k.py'
# In the released code the fusion layer decays at ten times the rate, as intended for the heads, which never decay.
optim_wrapper = dict(
    segmentor=dict(clip_grad=dict(max_norm=1.0), paramwise_cfg=dict(custom_keys=dict(sf_layer=dict(lr_mult=10.0)))),
    discriminator=dict(clip_grad=dict(max_norm=1.0)),
)
