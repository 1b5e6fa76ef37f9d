_base_ = ['./daformer_mit-b5_synthia2cs.py', '../_base_/methods/refinement.py']
model = dict(refinement=_base_.refinement)
