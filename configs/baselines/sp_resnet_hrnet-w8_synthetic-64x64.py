# SP on the last stage. Its authors' weight of 3000 is over the batch size, since our loss is a mean over persons.
_base_ = ['kd_resnet_hrnet-w8_synthetic-64x64.py']

model = dict(
    objectives=dict(
        _delete_=True,
        loss_sp=dict(
            type='FeatureObjective',
            weight=3000 / _base_.train_dataloader.batch_size,
            student_taps=['backbone.layer4'],
            teacher_taps=['backbone.stage4.0.branches.3'],
            loss=dict(type='SimilarityLoss'))))
