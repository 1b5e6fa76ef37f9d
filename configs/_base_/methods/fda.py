_base_ = ['../default_runtime.py', '../models/deeplabv2_r101.py']
model = dict(type='FDA', lambda_ent=0.005, eta=2.0, switch2entropy=0)  # entW, ita, switch2entropy: the released command
