"""Finds images that belong together: of one lesion, of one patient, or linked through others.

A lesion whose images name two patients joins these two. A patient joins all own lesions. If a network saw one image of
such a group, it may know all of them.
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


def linked_to(pairs: Iterable[tuple[str, str]], lesions: set[str], patients: set[str]) -> tuple[set[str], set[str]]:
    """All lesions and patients in one group with the given ones.

    `pairs` are the lesion and patient of one image each.
    """
    groups = Groups()
    for lesion, patient in pairs:
        groups.link(("lesion", lesion), ("patient", patient))
    starts = [("lesion", one) for one in lesions] + [("patient", one) for one in patients]
    roots = {groups.root(node) for node in starts}
    found: dict[str, set[str]] = {"lesion": set(lesions), "patient": set(patients)}
    for node in groups.nodes():
        kind, name = node
        if groups.root(node) in roots:
            found[kind].add(name)
    return found["lesion"], found["patient"]


def unrelated(images: QuerySet, seen: QuerySet) -> QuerySet:
    """Those of `images` that are not in `seen`, and show no lesion or patient linked with one of them.

    Both are querysets of `LesionImage`.
    """
    lesions = seen.exclude(lesion_id="").values("lesion_id")
    patients = seen.exclude(patient_id="").values("patient_id")
    apart = images.exclude(pk__in=seen.values("pk")).exclude(lesion_id__in=lesions).exclude(patient_id__in=patients)
    everything = images.model._default_manager
    named = everything.exclude(patient_id="")
    if not named.exists():  # most archives name no patients, so that lesions are enough
        return apart
    pairs = named.exclude(lesion_id="").values_list("lesion_id", "patient_id").distinct()
    direct = set(lesions.values_list("lesion_id", flat=True)), set(patients.values_list("patient_id", flat=True))
    all_lesions, all_patients = linked_to(pairs, *direct)
    # Images that show no seen lesion or patient themselves, but are linked with one through a third image.
    return apart.exclude(lesion_id__in=all_lesions - direct[0]).exclude(patient_id__in=all_patients - direct[1])


def group_names(images: QuerySet) -> dict[int, str]:
    """For each `LesionImage`, by its key, a name that it shares with all images of its lesion or patient.

    An image without lesion and patient has its own name, or that of the image that curation says it repeats.
    """
    groups = Groups()
    everything = images.model._default_manager.exclude(patient_id="").exclude(lesion_id="")
    for lesion, patient in everything.values_list("lesion_id", "patient_id").distinct():
        groups.link(("lesion", lesion), ("patient", patient))
    rows = list(images.values_list("pk", "isic_id", "lesion_id", "patient_id", "repeats"))
    for _, name, lesion, patient, repeats in rows:
        for kind, other in (("lesion", lesion), ("patient", patient), ("image", repeats)):
            if other:
                groups.link(("image", name), (kind, other))
    return {pk: " ".join(groups.root(("image", name))) for pk, name, *_ in rows}
