"""An import holds only a few decoded images in memory at once, however many small files unpack to many pixels."""

import io
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from gan.imaging.image_files import count_pixels
from gan.importing import writing
from gan.importing.decoding import THREADS, Room
from gan.importing.real import import_images
from gan.models import LesionImage


def test_at_most_so_much_is_at_work_at_once():
    room, peak, lock = Room(10), [0], threading.Lock()

    def work(size: int) -> int:
        with room.take(size):
            with lock:
                peak[0] = max(peak[0], room.taken)
            return size

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, [3, 7, 1, 9, 5, 10] * 50)) == [3, 7, 1, 9, 5, 10] * 50
        assert 0 < peak[0] <= 10
        assert list(pool.map(work, [25, 3, 25])) == [25, 3, 25], "what is larger than the room works alone"
    assert room.taken == 0


def test_room_is_given_back_where_the_work_fails():
    room = Room(10)
    with pytest.raises(ValueError, match="x"), room.take(10):
        raise ValueError("x")
    with room.take(10):
        pass


def test_pixels_are_counted_without_decoding():
    content = io.BytesIO()
    Image.new("RGBA", (300, 200)).save(content, "PNG")
    assert count_pixels(content.getvalue()[:60]) == 60_000
    assert count_pixels(b"no image") == 0


def test_an_import_takes_room_for_the_pixels_of_each_file(db, tmp_path, monkeypatch):
    taken = []

    class Watched(Room):
        def take(self, size):
            taken.append(size)
            return super().take(size)

    monkeypatch.setattr(writing, "Room", Watched)
    assert 1 <= THREADS <= 4
    for index in range(3):
        Image.new("RGB", (64 + index, 40), (index, 90, 80)).save(tmp_path / f"{index}.png")
    (tmp_path / "t.csv").write_text("photo,dx\n0.png,nevus\n1.png,nevus\n2.png,nevus\n")
    import_images(tmp_path, image_type="dermoscopic", columns={"file": "photo", "diagnosis": "dx"})
    assert sorted(taken) == [64 * 40, 65 * 40, 66 * 40]
    assert set(LesionImage.objects.values_list("width", "height")) == {(64, 40), (65, 40), (66, 40)}
