"""Video files as the target."""

import fcntl
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmengine.logging import print_log
from mmseg.registry import DATASETS

from i2vda_mmseg.fileio.atomic import write_atomically
from i2vda_mmseg.fileio.frame_source import spread
from i2vda_mmseg.fileio.images import write_image
from i2vda_mmseg.fileio.video_reader import VideoReader

from .frame_folder import FrameFolderDataset

VIDEOS = ('.mp4', '.m4v', '.mov', '.mkv', '.avi', '.webm', '.ts', '.mpg', '.mpeg', '.flv')
_DONE = 'unpacked.json'


@DATASETS.register_module()
class VideoDataset(FrameFolderDataset):
    """Frames of a video, or of all videos in a folder, as pairs of frames that follow each other.

    Each video is decoded once, into ``<cache>/<name of the video>/<number of the frame>.png``, when the index is built;
    one whose size or time of change differs is decoded anew. Reading a sample is then reading two pictures: any order,
    exact resume, and flow caches that know a frame by video and number.

    Args:
        data_root: A video file, or a folder of video files.
        class_space: As of ``FrameFolderDataset``.
        cache: Folder of the frames; by default ``<data_root>.frames``.
        every: Take each ``every``-th frame of the video alone.
        most: Of a folder of more videos, take this many, evenly from all of it in the order of their names; None: all.
            Unpacked frames take some hundred times the room of their video.
        **kwargs: ``frames`` and ``stride`` (counted in frames taken), and the rest of ``FrameFolderDataset``.

    Raises:
        FileNotFoundError: If there is nothing at ``data_root``, or no video in it.
        ValueError: If a video cannot be decoded, or has a single frame.
    """

    def __init__(
        self,
        data_root: str,
        class_space: Any,
        cache: str | None = None,
        every: int = 1,
        most: int | None = None,
        **kwargs: Any,
    ) -> None:
        if every < 1 or (most is not None and most < 1):
            raise ValueError(f'every and most must be at least 1, got {every} and {most}')
        self.videos, self.every, self.most = Path(data_root), every, most
        self.cache = Path(cache or f'{str(data_root).rstrip("/")}.frames')
        super().__init__(str(self.cache), class_space, img_suffix='.png', **kwargs)

    def load_data_list(self) -> list[dict]:
        """Decode what is not decoded yet, then build the index."""
        found = list(_videos(self.videos))
        found = found if self.most is None else spread(found, self.most)
        for path in found:
            unpack(path, self.cache / path.stem, self.every)
        names = {path.stem for path in found}
        infos = super().load_data_list()
        return [info for info in infos if info['frame_keys'][0].split('/')[0] in names]


def _videos(place: Path) -> Iterator[Path]:
    if not place.exists():
        raise FileNotFoundError(f'there is no video and no folder of videos at {place}; set data_root to one')
    found = [place] if place.is_file() else sorted(path for path in place.iterdir() if path.suffix.lower() in VIDEOS)
    if not found:
        raise FileNotFoundError(f'no video ({", ".join(VIDEOS)}) in the folder {place}')
    if len({path.stem for path in found}) < len(found):
        raise ValueError(f'two videos in {place} have the same name but for the ending; rename one')
    yield from found


def unpack(video: Path, folder: Path, every: int = 1) -> int:
    """Decode a video into a folder of PNG pictures, unless that was done.

    Several processes may ask for the same: one decodes, the others wait.

    Args:
        video: The file.
        folder: Where ``000000.png``... go; anything else in there is removed.
        every: Take each ``every``-th frame.

    Returns:
        Number of pictures.

    Raises:
        ValueError: If it cannot be decoded, or has a single frame.
    """
    stat = video.stat()
    wanted = dict(video=video.name, bytes=stat.st_size, changed=stat.st_mtime_ns, every=every)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f'.{folder.name}.lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        note = folder / _DONE
        if note.is_file() and (done := json.loads(note.read_text(encoding='utf-8'))).items() >= wanted.items():
            return int(done['frames'])
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        print_log(f'decoding {video} into {folder}', logger='current')
        count = 0
        for number, frame in enumerate(VideoReader(video)):
            if number % every == 0:
                write_image(folder / f'{count:06d}.png', frame[..., ::-1])
                count += 1
        if count < 2:
            raise ValueError(
                f'{video} has {count} frames to take (every={every}), but pairs need two: give a longer one'
            )
        write_atomically(json.dumps(wanted | dict(frames=count)) + '\n', note)
        return count
