# The teacher's spatial distributions instead of its values, so that one heatmap does not chase two targets. At a
# temperature of 1 this is 0.7 to 0.9 times the mean squared difference of two peaks; 0.1 makes a peak outweigh the
# background.
_base_ = ['s-hrnet_shuffle-hrnet-w32-g4_hrnet-w32_coco-256x192.py']

model = dict(
    objectives=dict(
        loss_okd=dict(weight=0.05, loss=dict(_delete_=True, type='HeatmapKDLoss', mode='kl', temperature=0.1))))
