_base_ = './daformer.py'
method = dict(type='HRDA')  # margins: MarkMargins in the target pipeline, also on the left and right
