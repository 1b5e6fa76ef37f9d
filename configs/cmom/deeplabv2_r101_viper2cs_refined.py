_base_ = './deeplabv2_r101_viper2cs.py'
# Labels that the frame before confirms (UnifiedVideoDA's reading of CMOM)
refinement = dict(type='PseudoLabelRefinement', flow_estimator=_base_.model.flow_estimator, mode='consistency')
model = dict(refinement=refinement)
