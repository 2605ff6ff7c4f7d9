_base_ = ['mmpose::_base_/default_runtime.py']

custom_imports = dict(imports=['mmpose_kd'])  # registers the heads, codecs and distillers of this project
