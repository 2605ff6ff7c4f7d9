# CDKD on the middle stage, layer-normalised, as FitNet's: the raw last stage, with the weight that MGD has, harms.
_base_ = ['cdkd-mgd_resnet18-w16_hrnet-w32_lspet-64x64.py']

model = dict(
    objectives=dict(
        loss_fkd=dict(
            weight=0.005,
            student_taps=['backbone.layer3'],
            teacher_taps=['backbone.stage3[-1]'],
            student_channels=[64],
            teacher_channels=[128],
            teacher_strides=[16],
            loss=dict(type='FeatureMSELoss', normalize='layer'))))
