"""Finds images that belong together: of one lesion, of one patient, copies of each other, or linked through others.

A lesion whose images name two patients joins these two. A patient joins all own lesions. A picture that repeats another
one, as curation found, joins the lesions and patients of both. If a network saw one image of such a group, it may know
all of them.
"""

from collections.abc import Iterable

from django.db.models import QuerySet

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
    direct = {
        "lesion": set(lesions.values_list("lesion_id", flat=True)),
        "patient": set(patients.values_list("patient_id", flat=True)),
        "image": {name for name in seen.values_list("isic_id", flat=True) if ("image", name) in groups},
    }
    linked: dict[str, set[str]] = {kind: set() for kind in direct}
    for kind, name in groups.together_with((kind, name) for kind, names in direct.items() for name in names):
        linked[kind].add(name)
    # Images that show no seen lesion or patient themselves, but are linked with one through others.
    return (
        apart.exclude(lesion_id__in=linked["lesion"] - direct["lesion"])
        .exclude(patient_id__in=linked["patient"] - direct["patient"])
        .exclude(isic_id__in=linked["image"] - direct["image"])
    )


def group_names(images: QuerySet) -> dict[int, str]:
    """For each `LesionImage`, by its key, a name that it shares with all images linked with it, as `unrelated` says.

    An image without lesion, patient and copy has its own name.
    """
    groups = Groups()
    everything = images.model._default_manager.all()
    _link_patients(groups, everything)
    rows = list(images.values_list("pk", "isic_id", "lesion_id", "patient_id", "repeats"))
    for _, name, lesion, patient, repeats in rows:
        _link_image(groups, name, lesion, patient, repeats)
    _link_copies(groups, everything)  # last, so that groups without copies keep the names that results were based on
    return {pk: " ".join(groups.root(("image", name))) for pk, name, *_ in rows}


def _link_patients(groups: Groups, everything: QuerySet) -> None:
    pairs = everything.exclude(patient_id="").exclude(lesion_id="").values_list("lesion_id", "patient_id")
    for lesion, patient in pairs.distinct():
        groups.link(("lesion", lesion), ("patient", patient))


def _link_copies(groups: Groups, everything: QuerySet) -> None:
    """Link pictures that repeat another one with it, and both with their lesions and patients."""
    copies = everything.exclude(repeats="")
    rows = list(copies.values_list("isic_id", "lesion_id", "patient_id", "repeats"))
    if rows:
        originals = everything.filter(isic_id__in=copies.values("repeats"))
        rows += originals.values_list("isic_id", "lesion_id", "patient_id", "repeats")
    for row in rows:
        _link_image(groups, *row)


def _link_image(groups: Groups, name: str, lesion: str, patient: str, repeats: str) -> None:
    for kind, other in (("lesion", lesion), ("patient", patient), ("image", repeats)):
        if other:
            groups.link(("image", name), (kind, other))
