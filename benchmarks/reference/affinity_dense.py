"""The group affinity module as the official scripts compute it, written plainly: the reference of `group_affinity.py`.

It follows ZhengPeng7/GCoNet_plus, models/modules.py, and the file of that name in ZhengPeng7/MCCL; its time beside theirs has not
been measured. The similarities of all K pixels of all images are one dense K x K matrix, K = 15,360 for 60 images of GCoNet+ at 256 px.
"""

import types


def affinity(self, x):
    """Takes the place of `GroupAffinity.affinity`: the same argument and values."""
    n, channels, height, width = x.shape
    queries = self.query_transform(x).permute(0, 2, 3, 1).reshape(-1, channels)
    keys = self.key_transform(x).permute(0, 2, 3, 1).reshape(-1, channels)
    similarities = (queries @ keys.T).view(n * height * width, n, height * width)
    best = similarities.max(-1).values.mean(-1) * channels**-0.5
    return best.view(n, height * width)


def make_dense(module):
    """A `networks.group_affinity.GroupAffinity` whose similarities are dense from now on."""
    module.affinity = types.MethodType(affinity, module)
    return module
