_base_ = ['./daformer_mit-b5_viper2cs.py', '../_base_/methods/refinement.py']
model = dict(refinement=_base_.refinement)
