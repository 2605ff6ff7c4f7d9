# Stage 1: the coarse pose, from labels, the teacher's SimDR distributions and the structure of its poses.
_base_ = ['../students/resnet_simdr_synthetic-64x64.py']

model = dict(
    type='MultiKDDistiller',
    teacher=dict(
        config='{{ fileDirname }}/../teachers/hrnet-w8_simdr_synthetic-64x64.py',
        checkpoint='work_dirs/hrnet-w8_simdr_synthetic-64x64/epoch_10.pth'),
    objectives=dict(
        loss_kd=dict(type='OutputObjective', loss=dict(type='SimDRKLLoss'), weight=0.5),
        loss_structure=dict(
            type='OutputObjective',
            loss=dict(type='JointStructureLoss', skeleton=dict(from_file='configs/_base_/datasets/coco.py')),
            weight=1.0)))
