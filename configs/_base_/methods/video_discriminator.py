# A discriminator of two frames for self-training, UnifiedVideoDA's: `model = _base_.deceiving`, with its optimizer, its
# schedule, and the source_pairs of the data.
deceiving = dict(
    discriminator=dict(type='FCDiscriminator', in_channels=30, base_channels=64),  # two frames of 15 classes
    loss_gan=dict(type='LeastSquaresLoss'),
    lambda_adv=0.0001,  # lambda_adv_target 0.001 times adv_scale 0.1
    lambda_dis=0.1,
)
optimizer_of_discriminator = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.99)))
schedule_of_discriminator = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=40001, by_epoch=False)]
