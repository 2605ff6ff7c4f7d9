_base_ = ['kd_resnet18-w16_hrnet-w32_lspet-64x64.py']

model = dict(
    objectives=dict(
        loss_structure=dict(
            type='OutputObjective',
            loss=dict(type='JointStructureLoss', skeleton=dict(from_file='configs/_base_/datasets/crowdpose.py')),
            weight=0.1)))
