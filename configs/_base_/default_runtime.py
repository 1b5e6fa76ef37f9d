custom_imports = dict(imports=['i2vda_mmseg'], allow_failed_imports=False)
default_scope = 'mmseg'
# opencv_num_threads=0: worker processes are forked, and OpenCV's own threads do not survive a fork
env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)
# None overrides a default of the runner that fails without CUDA; each rank keeps batch statistics of its own
model_wrapper_cfg = dict(type='MMSeparateDistributedDataParallel', device_ids=None, broadcast_buffers=False)
randomness = dict(seed=0)
log_level = 'INFO'
log_processor = dict(by_epoch=False)
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(type='SegLocalVisualizer', vis_backends=vis_backends, name='visualizer')
load_from = None
resume = False
default_hooks = dict(
    runtime_info=dict(type='LateRuntimeInfoHook'),
    reseed=dict(type='ReseedHook'),
    broadcast_buffers=dict(type='BroadcastBuffersHook'),
    check_finite=dict(type='CheckFiniteHook'),
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50, log_metric_by_epoch=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='AtomicCheckpointHook', by_epoch=False, interval=1000, max_keep_ckpts=3),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    preemption=dict(type='PreemptionHook'),
    visualization=dict(type='SegVisualizationHook'),
)
