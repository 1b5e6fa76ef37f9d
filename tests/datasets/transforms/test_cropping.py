import numpy as np
import pytest
from mmseg.registry import TRANSFORMS


def test_rows_leave_image_and_label_at_the_bottom():
    image, label = np.arange(10 * 4 * 3).reshape(10, 4, 3), np.arange(40).reshape(10, 4)
    drop = TRANSFORMS.build(dict(type='DropBottomRows', rows=3))
    results = drop(dict(img=image, img_shape=(10, 4), gt_seg_map=label, seg_fields=['gt_seg_map']))
    np.testing.assert_array_equal(results['img'], image[:7])
    np.testing.assert_array_equal(results['gt_seg_map'], label[:7])
    assert results['img_shape'] == (7, 4)


def test_nothing_left_names_the_file():
    drop = TRANSFORMS.build(dict(type='DropBottomRows', rows=10))
    with pytest.raises(ValueError, match=r'leaves nothing of a\.png, which has 10 rows'):
        drop(dict(img=np.zeros((10, 4, 3)), img_path='a.png'))
    with pytest.raises(ValueError, match='must not be negative'):
        TRANSFORMS.build(dict(type='DropBottomRows', rows=-1))
