_base_ = ['litehrnet18_simdr.py']

model = dict(backbone=dict(extra=dict(stages_spec=dict(num_modules=(3, 8, 3)))))
