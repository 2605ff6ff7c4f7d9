# The small ResNet-18 of the comparison at 64x64, with pictures of twice the side.
_base_ = ['../../../../configs/students/resnet18_simdr_lspet-128x128.py']

model = dict(
    backbone=dict(stem_channels=16, base_channels=16, strides=(1, 2, 2, 1)),
    head=dict(in_channels=128, in_stride=16, deconv_out_channels=(64, ), deconv_kernel_sizes=(4, )))

train_dataloader = dict(dataset=dict(num_views=2))
