# The base of both first stages, and of what else this teacher teaches.
_base_ = ['student.py']

model = dict(
    type='MultiKDDistiller',
    teacher=dict(
        config='{{ fileDirname }}/../../../../configs/teachers/hrnet-w32_simdr_lspet-128x128.py',
        checkpoint='{{$MMPOSE_KD_TEACHER_128:work_dirs/hrnet-w32_simdr_lspet-128x128/epoch_60.pth}}',
        channels_last=True),
    objectives=dict(loss_vkd=dict(type='OutputObjective', loss=dict(type='SimDRKLLoss'), weight=3.0)))
