"""Files that run code when they are unpickled, or are meant to."""

import os
import pickle

import torch


class Bomb:
    """Unpickled, it makes a file."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mknod, (str(self.mark),)


def _global(module, name):
    return f'c{module}\n{name}\n'.encode()


def _text(value):
    return b'X' + len(value).to_bytes(4, 'little') + value.encode()


def _getattr(owner, name):
    return _global('__builtin__', 'getattr') + owner + _text(name) + b'\x86R'


def write_getattr_bomb(path):
    """Write a file that puts ``exec`` in the place of ``len`` by ``getattr`` alone, which mmengine's list allows."""
    builtins = _getattr(_global('__builtin__', 'getattr'), '__self__')
    program = b'\x80\x02' + _getattr(builtins, '__dict__') + _text('len') + _getattr(builtins, 'exec') + b's.'
    _write_archive(path, program)


def write_bomb(path, mark, kind='checkpoint'):
    """Write a bomb: as a file of torch.save of either age, as a bare pickle, or deep in a checkpoint's notes."""
    if kind == 'pickle':
        path.write_bytes(pickle.dumps(Bomb(mark)))
        return
    content = {'meta': {'iter': 3, 'epoch': 0}, 'state_dict': {}, 'optimizer': {}, 'message_hub': {}}
    content['meta' if kind == 'notes' else 'state_dict']['extra'] = Bomb(mark)
    torch.save(content, path, _use_new_zipfile_serialization=kind != 'legacy')


def _write_archive(path, program):
    archive = torch._C.PyTorchFileWriter(str(path))
    archive.write_record('data.pkl', program, len(program))
    archive.write_record('byteorder', b'little', 6)
    archive.write_end_of_file()
