# Stage 1: the coarse pose, from labels, the teacher's SimDR distributions and the structure of its poses.
_base_ = ['../students/litehrnet18_simdr_lspet-128x128.py']

model = dict(
    type='MultiKDDistiller',
    teacher=dict(
        config='{{ fileDirname }}/../teachers/hrnet-w32_simdr_lspet-128x128.py',
        checkpoint='work_dirs/hrnet-w32_simdr_lspet-128x128/epoch_60.pth',
        channels_last=True),
    objectives=dict(
        loss_kd=dict(type='OutputObjective', loss=dict(type='SimDRKLLoss'), weight=0.5),
        loss_structure=dict(
            type='OutputObjective',
            loss=dict(type='JointStructureLoss', skeleton=dict(from_file='configs/_base_/datasets/crowdpose.py')),
            weight=1.0)))
