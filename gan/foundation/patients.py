"""Finds images that belong together: of one lesion, of one patient, copies of each other, or linked through others.

A lesion whose images name two patients joins these two. A patient joins all own lesions. A picture that repeats another
one, as curation found, joins the lesions and patients of both. If a network saw one image of such a group, it may know
all of them.
"""

from collections.abc import Iterable

from django.db.models import Q, QuerySet

Node = tuple[str, str]  # what it is, and its id


class Groups:
    """Union-find: nodes that were linked, directly or through others, have one root."""

    def __init__(self) -> None:
        self._above: dict[Node, Node] = {}

    def __contains__(self, node: Node) -> bool:
        return node in self._above

    def root(self, node: Node) -> Node:
        path = []
        while (above := self._above.setdefault(node, node)) != node:
            path.append(node)
            node = above
        for passed in path:  # shortens the next search
            self._above[passed] = node
        return node

    def nodes(self) -> list[Node]:
        return list(self._above)

    def link(self, one: Node, other: Node) -> None:
        self._above[self.root(other)] = self.root(one)

    def together_with(self, starts: Iterable[Node]) -> set[Node]:
        """All nodes in one group with one of `starts`, and these."""
        starts = set(starts)
        roots = {self.root(node) for node in starts}
        return starts | {node for node in self.nodes() if self.root(node) in roots}


Row = tuple[str, str, str, str]  # an image's name, its lesion, its patient, and the name of the image that it repeats


def link_images(groups: Groups, rows: Iterable[Row]) -> None:
    """Link each image with its lesion, its patient and the image that it repeats, as far as they are known."""
    for name, lesion, patient, repeats in rows:
        for kind, other in (("lesion", lesion), ("patient", patient), ("image", repeats)):
            if other:
                groups.link(("image", name), (kind, other))


def unrelated(images: QuerySet, seen: QuerySet) -> QuerySet:
    """Those of `images` that are not in `seen`, and are not linked with one of them by a lesion, a patient or a copy.

    Both are querysets of `LesionImage`. Copies are pictures that repeat each other, as curation found.
    """
    lesions = seen.exclude(lesion_id="").values("lesion_id")
    patients = seen.exclude(patient_id="").values("patient_id")
    apart = images.exclude(pk__in=seen.values("pk")).exclude(lesion_id__in=lesions).exclude(patient_id__in=patients)
    groups = Groups()
    everything = images.model._default_manager.all()
    _link_patients(groups, everything)
    _link_copies(groups, everything)
    if not groups.nodes():  # most archives name no patients, so that lesions are enough
        return apart
    direct = {("lesion", name) for name in lesions.values_list("lesion_id", flat=True)}
    direct |= {("patient", name) for name in patients.values_list("patient_id", flat=True)}
    direct |= {("image", name) for name in _with_copies(seen, everything).values_list("isic_id", flat=True)}
    found = groups.together_with(direct) - direct
    # Leave out images that show no seen lesion or patient themselves, but are linked with one through others.
    copies = _with_copies(images, everything).values_list("pk", "isic_id")
    return (
        apart.exclude(lesion_id__in=[name for kind, name in found if kind == "lesion"])
        .exclude(patient_id__in=[name for kind, name in found if kind == "patient"])
        .exclude(pk__in=[pk for pk, name in copies if ("image", name) in found])
    )


def group_names(images: QuerySet) -> dict[int, str]:
    """For each `LesionImage`, by its key, a name that it shares with all images linked with it, as `unrelated` says.

    An image without lesion, patient and copy has its own name.
    """
    groups = Groups()
    everything = images.model._default_manager.all()
    _link_patients(groups, everything)
    rows = list(images.values_list("pk", "isic_id", "lesion_id", "patient_id", "repeats"))
    link_images(groups, (row[1:] for row in rows))
    _link_copies(groups, everything)  # last, so that groups without copies keep the names that results were based on
    return {pk: " ".join(groups.root(("image", name))) for pk, name, *_ in rows}


def _link_patients(groups: Groups, everything: QuerySet) -> None:
    pairs = everything.exclude(patient_id="").exclude(lesion_id="").values_list("lesion_id", "patient_id")
    for lesion, patient in pairs.distinct():
        groups.link(("lesion", lesion), ("patient", patient))


def _link_copies(groups: Groups, everything: QuerySet) -> None:
    rows = _with_copies(everything, everything)
    link_images(groups, rows.values_list("isic_id", "lesion_id", "patient_id", "repeats"))


def _with_copies(images: QuerySet, everything: QuerySet) -> QuerySet:
    """Those of the images that repeat another one or are repeated by one."""
    copies = everything.filter(repeats__gt="")  # by the index
    if not copies.exists():
        return images.none()
    return images.filter(Q(repeats__gt="") | Q(isic_id__in=copies.values("repeats")))
