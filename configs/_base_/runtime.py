_base_ = ['mmpose::_base_/default_runtime.py']

custom_imports = dict(imports=['mmpose_kd'])  # registers the heads, codecs and distillers of this project

# MMPose saves every tenth epoch: a run that is killed would lose up to nine.
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=2))
