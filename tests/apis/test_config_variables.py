import pytest

from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.errors import ConfigError

BASE = """
segmentor = dict(type='EncoderDecoder', depth=18)
size = (64, 32)
backends = [dict(type='LocalVisBackend')]
iterations = 800
model = dict(type='SourceOnly', segmentor=segmentor, data_preprocessor=dict(mean=0))
visualizer = dict(vis_backends=backends)
train_cfg = dict(max_iters=iterations)
train_dataloader = dict(dataset=dict(pipeline=[dict(type='Resize', scale=size)]))
"""


@pytest.fixture
def load(tmp_path):
    """Load a config over ``BASE``, or over another file."""
    (tmp_path / 'parts.py').write_text(BASE)

    def write(text, options=None, base='parts.py', name='leaf.py'):
        (tmp_path / name).write_text(f"_base_ = './{base}'\n{text}")
        return load_config(str(tmp_path / name), options)

    return write


@pytest.mark.parametrize(('text', 'name', 'place'), [
    ('segmentor = dict(depth=50)', 'segmentor', 'model.segmentor'),
    ('size = (32, 16)', 'size', 'train_dataloader.dataset.pipeline.0.scale'),
    ("backends = [dict(type='TensorboardVisBackend')]", 'backends', 'visualizer.vis_backends'),
    ('iterations = 20', 'iterations', 'the key that was made of it'),
    ('data_preprocessor = dict(mean=1)', 'data_preprocessor', 'write model.data_preprocessor'),  # the model has its own
    ('scale = (32, 16)', 'scale', 'train_dataloader.dataset.pipeline.0.scale'),
    ('mine = dict(mean=1)', None, None),
])  # fmt: skip
def test_a_variable_that_is_changed_too_late(load, text, name, place):
    if name is None:
        load(text)
        return
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert str(caught.value).startswith(f'{name}: ')
    assert place in str(caught.value)


def test_an_inherited_variable_that_is_overridden_on_the_command_line(load):
    with pytest.raises(ConfigError, match=r'--cfg-options segmentor\.depth: .*write model\.segmentor\.depth'):
        load('', {'segmentor.depth': 50})
    with pytest.raises(
        ConfigError, match=r'--cfg-options data_preprocessor\.mean: .*write model\.data_preprocessor\.mean'
    ):
        load('', {'data_preprocessor.mean': 1})
    assert load('', {'model.segmentor.depth': 50, 'mine': 3}).mine == 3


def test_a_variable_that_something_is_made_of(load):
    again = load('segmentor = dict(depth=50)\nmodel = dict(segmentor=segmentor)')
    assert again.model.segmentor.depth == 50
    assert load('size = (8, 4)\nown = size').own == (8, 4)
    assert load('data_preprocessor = dict(mean=1)\nmodel = dict(data_preprocessor=data_preprocessor)').model


def test_a_variable_that_only_an_heir_makes_something_of(load, tmp_path):
    (tmp_path / 'between.py').write_text("_base_ = './parts.py'\nsegmentor = dict(depth=34)\n")
    end = load('model = dict(segmentor=_base_.segmentor)', base='between.py', name='end.py')
    assert end.model.segmentor.depth == 34
    with pytest.raises(ConfigError, match='segmentor'):
        load('', base='between.py', name='other.py')


def test_a_config_is_read_as_a_run_saves_it(load, tmp_path):
    options = {'train_cfg.max_iters': 4}
    load('max_iters = 6\ntrain_cfg = dict(max_iters=max_iters)', options).dump(tmp_path / 'saved.py')
    assert load_config(str(tmp_path / 'saved.py')).train_cfg.max_iters == 4
