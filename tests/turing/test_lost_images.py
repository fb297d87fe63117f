"""An image that the store has lost or damaged is not found, and named to those who can restore it."""

import logging

import pytest
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.urls import reverse

from turing.models import Trial
from turing.reading.passage import start_reading
from turing.results.published.download import forget_archive
from turing.results.published.publishing import publish
from turing.studies.lifecycle import move_study


def lose(image):
    default_storage.delete(image.file)


def cut_off(image):
    content = default_storage.open(image.file).read()
    default_storage.save(image.file, ContentFile(content[: len(content) // 2]))


@pytest.fixture(params=[lose, cut_off], ids=["lost", "damaged"])
def harm(request):
    yield request.param
    cache.clear()  # figures


@pytest.fixture
def whole(study):
    """The bytes of the study's images, put back at the end, because other tests use the same files."""
    images = [
        *study.stimuli.all(), *(one.lesion_image or one.generated_image for one in study.stimuli.all()),
    ]  # fmt: skip
    kept = {one.file: default_storage.open(one.file).read() for one in images}
    yield study
    for name, content in kept.items():
        default_storage.save(name, ContentFile(content))


@pytest.fixture
def simulated(whole):
    call_command("simulate_readers", whole.slug, readers=6, seed=3)
    return whole


def test_a_reader_and_a_researcher_do_not_find_it_and_the_log_names_it(whole, reader, client, caplog, harm):
    start_reading(whole, reader)
    stimulus = Trial.objects.filter(reading__reader=reader).first().stimulus
    client.force_login(reader.user)
    assert client.get(stimulus.get_absolute_url()).status_code == 200
    harm(stimulus)
    with caplog.at_level(logging.ERROR):
        assert client.get(stimulus.get_absolute_url()).status_code == 404
    assert f"{stimulus.pk}: its file {stimulus.file}" in caplog.text


def test_a_picture_and_the_preview_of_a_draft_are_not_found(whole, client, researcher, caplog, harm):
    client.force_login(researcher)
    call_command("create_study", "Next", run=[str(whole.generators.get().pk)], real=2, generated=2, stimulus_size=64,
                 owner=researcher.email)  # fmt: skip
    for kind, source in (
        ("lesion", whole.stimuli.filter(truth="real").first().lesion_image),
        ("generated", whole.stimuli.filter(truth="generated").first().generated_image),
    ):
        pages = [reverse("picture", args=[kind, source.pk])]
        pages += [reverse("preview", args=["next", {"lesion": "real"}.get(kind, kind), source.pk])]
        assert [client.get(page).status_code for page in pages] == [200, 200]
        harm(source)
        caplog.clear()
        assert [client.get(page).status_code for page in (*pages, f"{pages[0]}?whole")] == [404, 404, 404]
        assert caplog.text.count(f"{source.file} cannot be shown") == 3


def test_a_figure_is_not_found_in_a_page_and_names_the_image_when_it_is_downloaded(
    simulated, client, researcher, caplog, harm
):
    client.force_login(researcher)
    stimulus = simulated.stimuli.of_test().filter(truth="generated").first()
    harm(stimulus)
    for name in ("ranking", "strip"):
        page = reverse("figure", args=[simulated.slug, name, "svg"])
        assert client.get(page).status_code == 404
        assert f"stimulus {stimulus.pk}" in client.get(page, {"download": ""}, follow=True).content.decode()
    assert client.get(reverse("report", args=[simulated.slug])).status_code == 200
    assert client.get(reverse("figure", args=[simulated.slug, "rates", "svg"])).status_code == 200


def test_an_archive_with_images_names_it_and_one_without_is_made(simulated, client, researcher, tmp_path, harm):
    client.force_login(researcher)
    stimulus = simulated.stimuli.filter(truth="generated").last()
    harm(stimulus)
    page = reverse("archive", args=[simulated.slug])
    assert f"stimulus {stimulus.pk}" in client.get(page, {"images": ""}, follow=True).content.decode()
    assert client.get(page)["Content-Type"] == "application/zip"
    (tmp_path / "a.zip").write_bytes(b"before")
    with pytest.raises(CommandError, match=f"^stimulus {stimulus.pk}: its file .* Restore it from a backup"):
        call_command("archive_study", simulated.slug, output=tmp_path / "a.zip", images=True)
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("a.zip", b"before")]


def test_everybody_finds_all_but_what_shows_it(simulated, client, harm):
    publish(move_study(simulated, "close"), archive=True)
    stimulus = simulated.stimuli.of_test().filter(truth="generated").first()
    image = reverse("published-image", args=[simulated.slug, stimulus.pk])
    assert client.get(image).status_code == 200
    harm(stimulus)
    assert client.get(image).status_code == 404
    strip, rates = (reverse("published-figure", args=[simulated.slug, name, "svg"]) for name in ("strip", "rates"))
    assert client.get(strip).status_code == 404
    assert client.get(rates).status_code == 200
    forget_archive(simulated)  # of another test, whose study had the same key
    archive = client.get(reverse("published-archive", args=[simulated.slug]))
    assert (archive.status_code, "Retry-After" in archive) == (404, False), "trying again does not bring the image back"
    assert client.get(reverse("published", args=[simulated.slug])).status_code == 200


def test_images_for_a_model_are_all_written_or_none(simulated, tmp_path, harm):
    stimulus = simulated.stimuli.of_test().last()
    harm(stimulus)
    with pytest.raises(CommandError, match=f"stimulus {stimulus.pk}"):
        call_command("add_machine_reader", simulated.slug, stimuli=tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
