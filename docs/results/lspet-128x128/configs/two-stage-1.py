_base_ = ['kd.py']

model = dict(
    objectives=dict(
        loss_structure=dict(
            type='OutputObjective',
            loss=dict(type='JointStructureLoss', skeleton=dict(from_file='configs/_base_/datasets/crowdpose.py')),
            weight=0.1)))
