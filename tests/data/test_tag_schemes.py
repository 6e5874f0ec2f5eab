from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertkit.data.tag_schemes import (
    SCHEMES,
    Entity,
    allowed_starts,
    allowed_transitions,
    best_path,
    entities_of,
    iob2_of,
    recognise_scheme,
    scheme_faults,
    to_iob2,
)

LABELS = ("PER", "LOC", "GPE.NAM", "A-B")


@st.composite
def sentences(draw) -> tuple[list[Entity], int]:
    """Entities in the order of the text that do not overlap, and how many words there are."""
    entities, words = [], 0
    for _ in range(draw(st.integers(0, 6))):
        start = words + draw(st.integers(0, 2))
        words = start + draw(st.integers(1, 3))
        entities.append(Entity(draw(st.sampled_from(LABELS)), start, words))
    return entities, words + draw(st.integers(0, 2))


def written(entities: list[Entity], length: int, scheme: str) -> list[str]:
    """The tags of the schemes other than IOB2, written down without the code under test."""
    tags = ["O"] * length
    for place, (label, start, end) in enumerate(entities):
        letters = list("I" * (end - start))
        touching = place and entities[place - 1].end == start and entities[place - 1].label == label
        if scheme in ("BIOES", "BILOU", "BMES"):
            letters = ["B", *letters[1:-1], "E"] if end - start > 1 else ["S"]
        elif scheme == "IOB2" or (scheme == "IOB1" and touching):
            letters[0] = "B"
        if scheme == "BILOU":
            letters = [{"E": "L", "S": "U"}.get(letter, letter) for letter in letters]
        if scheme == "BMES":
            letters = [letter.replace("I", "M") for letter in letters]
        tags[start:end] = [f"{letter}-{label}" for letter in letters]
    return tags


WAYS = ("IOB1", "IOB2", "BIOES", "BILOU", "BMES")


@pytest.mark.parametrize(
    ("tags", "scheme"),
    [
        ("O B-PER I-PER O", "IOB2"),
        ("O O O", "IOB2"),
        ("", "IOB2"),
        ("B I O B", "IOB2"),
        ("I-PER I-PER O I-LOC B-LOC", "IOB1"),
        ("O I-PER O", "IOB1"),  # tags without any B-
        ("I-PER I-LOC B-LOC", "IOB1"),
        ("B-LOC I-PER", "IOB2"),  # a fault in IOB2: IOB1 has no B- at the start
        ("O B-LOC O I-PER", "IOB2"),
        ("I-PER B-LOC", "IOB2"),  # B- right after another label is not IOB1's either
        ("B-PER E-PER O S-LOC", "BIOES"),
        ("O S-LOC", "BIOES"),
        ("B-PER L-PER O U-LOC", "BIOES"),
        ("B M E S", "BIOES"),
        ("B-X M-X I-X", "BIOES"),
        ("DT NN VBZ", "plain"),
        ("O NN", "plain"),
        ("B-NP I-NP NN", "plain"),
        ("B-PER S-PER -", "plain"),
        ("O I-", "plain"),  # a prefix without a label is none
        ("O IN", "plain"),
        ("O o", "plain"),
        ("b-per", "plain"),
        ("O ''", "plain"),
    ],
)
def test_recognise_scheme(tags, scheme):
    assert recognise_scheme([tags.split()]) == scheme


def test_the_scheme_is_that_of_all_sentences():
    assert recognise_scheme([]) == "IOB2"
    assert recognise_scheme([["B-PER", "O"], ["I-PER"], ["S-PER"]]) == "BIOES"
    assert recognise_scheme([["I-PER"], ["O"], ["B-PER"]]) == "IOB2"
    # A sentence begins afresh: the B- is not right after the entity of the sentence before.
    assert recognise_scheme([["I-PER", "B-PER"], ["I-PER"]]) == "IOB1"
    assert recognise_scheme([["I-PER"], ["B-PER"]]) == "IOB2"
    assert recognise_scheme([["S-PER"], ["X"]]) == "plain"
    assert recognise_scheme(iter([["I-PER"]])) == "IOB1"


@pytest.mark.parametrize(
    ("tags", "entities"),
    [
        ("", []),
        ("O O", []),
        ("B-PER I-PER O B-LOC", [("PER", 0, 2), ("LOC", 3, 4)]),
        ("B-PER B-PER", [("PER", 0, 1), ("PER", 1, 2)]),
        ("I-PER I-PER", [("PER", 0, 2)]),  # stray at the start
        ("O I-PER O", [("PER", 1, 2)]),  # stray after O
        ("B-PER I-LOC I-LOC", [("PER", 0, 1), ("LOC", 1, 3)]),  # stray after another label
        ("I-PER B-PER I-PER", [("PER", 0, 1), ("PER", 1, 3)]),  # IOB1
        ("S-PER S-PER", [("PER", 0, 1), ("PER", 1, 2)]),
        ("B-PER I-PER E-PER I-PER", [("PER", 0, 3), ("PER", 3, 4)]),
        ("E-PER E-PER", [("PER", 0, 1), ("PER", 1, 2)]),
        ("S-PER I-PER", [("PER", 0, 1), ("PER", 1, 2)]),
        ("S-PER E-PER", [("PER", 0, 1), ("PER", 1, 2)]),
        ("B-PER E-LOC", [("PER", 0, 1), ("LOC", 1, 2)]),
        ("B-PER S-PER", [("PER", 0, 1), ("PER", 1, 2)]),
        ("B-PER I-PER L-PER U-LOC", [("PER", 0, 3), ("LOC", 3, 4)]),
        ("B-PER M-PER E-PER", [("PER", 0, 3)]),
        ("B-A-B I-A-B I-A", [("A-B", 0, 2), ("A", 2, 3)]),
        ("B I O B", [("ENTITY", 0, 2), ("ENTITY", 3, 4)]),
        ("B I-ENTITY", [("ENTITY", 0, 2)]),
        ("B-GPE.NAM I-GPE.NAM", [("GPE.NAM", 0, 2)]),
        ("B-- I--", [("-", 0, 2)]),
    ],
)
def test_entities_of(tags, entities):
    assert entities_of(tags.split()) == [Entity(*entity) for entity in entities]


@pytest.mark.parametrize("tag", ["NN", "", "B-", "o", "PER-B", "BPER"])
def test_a_tag_without_a_prefix_is_refused_not_passed_over(tag):
    with pytest.raises(ValueError, match=f"tag {tag!r}"):
        entities_of(["O", tag])


def test_to_iob2():
    assert to_iob2(["I-PER", "I-PER", "B-PER", "I-LOC"], "IOB1") == ["B-PER", "I-PER", "B-PER", "B-LOC"]
    assert to_iob2(["O", "I-PER"], "IOB2") == ["O", "B-PER"]
    assert to_iob2(["B-X", "E-X", "U-Y"], "BIOES") == ["B-X", "I-X", "B-Y"]
    assert to_iob2(("B", "I", "O"), "IOB2") == ["B-ENTITY", "I-ENTITY", "O"]
    assert to_iob2([], "IOB2") == []


def test_plain_tags_stay_as_they_are():
    assert to_iob2(["I-", "NN", "E-X", "B"], "plain") == ["I-", "NN", "E-X", "B"]


def test_unknown_schemes():
    for call in (to_iob2, scheme_faults):
        with pytest.raises(ValueError, match="no tag scheme 'iob2': IOB1, IOB2, BIOES, plain"):
            call(["O"], "iob2")


@pytest.mark.parametrize(
    ("entities", "message"),
    [
        ([("A", 0, 2), ("B", 1, 3)], "overlaps"),
        ([("A", 1, 2), ("B", 0, 3)], "overlaps"),
        ([("A", 1, 4)], "3 words"),
        ([("A", -1, 1)], "3 words"),
        ([("A", 1, 1)], "3 words"),
        ([("A", 2, 1)], "3 words"),
        ([("", 0, 1)], "3 words"),
    ],
)
def test_iob2_of_refuses(entities, message):
    with pytest.raises(ValueError, match=message):
        iob2_of([Entity(*entity) for entity in entities], 3)


def test_iob2_of_takes_any_order():
    assert iob2_of([Entity("B", 1, 3), Entity("A", 0, 1)], 4) == ["B-A", "B-B", "I-B", "O"]


@given(sentences())
def test_iob2_round_trip(sentence):
    entities, length = sentence
    tags = iob2_of(entities, length)
    assert entities_of(tags) == entities
    assert tags == written(entities, length, "IOB2")
    assert to_iob2(tags, "IOB2") == tags


@given(sentences(), st.sampled_from(WAYS))
def test_every_scheme_keeps_its_entities(sentence, way):
    entities, length = sentence
    tags = written(entities, length, way)
    scheme = way if way in SCHEMES else "BIOES"
    assert to_iob2(tags, scheme) == iob2_of(entities, length)
    assert scheme_faults(tags, scheme) == [], "what is well written has no faults"


@given(st.lists(st.sampled_from([f"{p}-{x}" for p in "BIESLUM" for x in "XY"] + ["O", "B", "I"])))
def test_any_tags_name_the_same_entities_in_iob2(tags):
    assert entities_of(to_iob2(tags, "IOB2")) == entities_of(tags)
    assert scheme_faults(to_iob2(tags, "BIOES"), "IOB2") == []


@pytest.mark.parametrize(
    ("tags", "scheme", "faults"),
    [
        (
            "I-PER O I-PER I-PER",
            "IOB2",
            {0: "I-PER continues no entity: IOB2 begins one with B-PER", 2: "B-PER"},
        ),
        ("B-LOC I-PER", "IOB2", {1: "I-PER continues no entity"}),
        ("B I O I", "IOB2", {3: "I continues no entity: IOB2 begins one with B"}),
        ("B-PER E-PER S-LOC", "IOB2", {1: "E-PER is no tag of IOB2", 2: "S-LOC is no tag of IOB2"}),
        ("I-PER B-PER I-LOC", "IOB1", {}),
        ("B-PER I-PER B-LOC", "IOB1", {0: "IOB1 begins it with I-PER", 2: "B-LOC follows no LOC"}),
        ("O B", "IOB1", {1: "B follows no entity: IOB1 begins it with I"}),
        ("I-PER E-PER", "IOB1", {1: "E-PER is no tag of IOB1"}),
        ("E-PER", "BIOES", {0: "E-PER continues no entity: BIOES begins one with B-PER"}),
        ("B-PER O", "BIOES", {0: "B-PER is not continued"}),
        ("B-PER I-PER", "BIOES", {1: "I-PER is not continued"}),
        ("B-PER E-LOC", "BIOES", {0: "B-PER is not continued", 1: "E-LOC continues no entity"}),
        ("S-PER M-PER L-PER", "BIOES", {1: "M-PER continues no entity"}),
        ("B-PER M-PER L-PER U-LOC", "BIOES", {}),
        ("O NN B-", "IOB2", {1: "'NN' is neither O", 2: "'B-' is neither O"}),
        ("NN I-PER", "IOB2", {0: "'NN' is neither O", 1: "I-PER continues no entity"}),
        ("NN I- O", "plain", {}),
    ],
)
def test_scheme_faults(tags, scheme, faults):
    found = dict(scheme_faults(tags.split(), scheme))
    assert found.keys() == faults.keys()
    for place, text in faults.items():
        assert text in found[place]


def test_an_empty_tag_is_a_fault_of_every_scheme():
    for scheme in SCHEMES:
        assert [place for place, _ in scheme_faults(["O", ""], scheme)] == [1]


NAMES = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]


def test_what_iob2_allows():
    #                      O  B-P I-P B-L I-L
    assert allowed_transitions(NAMES).tolist() == [
        [True, True, False, True, False],
        [True, True, True, True, False],
        [True, True, True, True, False],
        [True, True, False, True, True],
        [True, True, False, True, True],
    ]
    assert allowed_starts(NAMES).tolist() == [True, True, False, True, False]
    assert allowed_starts(["I", "O", "B"]).tolist() == [False, True, True]
    assert allowed_transitions(["I", "O", "B"])[:, 0].tolist() == [True, False, True]


@pytest.mark.parametrize("names", [["NN", "VB"], ["NN", "I-X", "O"], ["B-X", "I-X", "E-X"], ["I-", "O"], []])
def test_plain_tags_are_free(names):
    assert allowed_transitions(names).shape == (len(names), len(names))
    assert allowed_transitions(names).all()
    assert allowed_starts(names).shape == (len(names),)
    assert allowed_starts(names).all()


def path_of(scores, names=NAMES):
    return best_path(
        np.array(scores, dtype=float), allowed_starts(names), allowed_transitions(names)
    ).tolist()


def test_best_path_by_hand():
    # The greedy choice is O, I-PER. Of the allowed: O O -1-5, B-PER I-PER -2-1: the latter.
    assert path_of([[-1, -2, -9, -9, -9], [-5, -9, -1, -9, -9]]) == [1, 2]
    # O O and B-PER I-PER both sum up to -6: equal sums go to the lower index.
    assert path_of([[-3, -3, -9, -9, -9], [-3, -9, -3, -9, -9]]) == [0, 0]
    assert path_of([[-9, -9, -1, -9, -8]]) == [0], "a sentence does not begin with I-"
    assert path_of(np.zeros((0, 5))) == []


def test_no_score_breaks_a_constraint():
    infinity = float("inf")
    nothing = [-infinity] * 5
    assert path_of([[-infinity, -infinity, 0, -infinity, -infinity], nothing]) == [0, 0]
    only_inside = [-infinity, -infinity, 0.0, -infinity, -infinity]
    assert path_of([only_inside, only_inside]) == [1, 2]
    assert path_of([[float("nan")] * 5, only_inside]) == [1, 2]
    assert path_of([[-1, -1, infinity, -1, -1]]) == [0]
    assert path_of([[0, 0], [-1, infinity]], ["O", "I-PER"]) == [0, 0]


def test_no_path_at_all():
    with pytest.raises(ValueError, match="no sequence of 2 tags"):
        path_of([[-1], [-1]], ["I-PER"])


def test_scores_in_single_precision_are_summed_in_double():
    scores = np.full((3000, 2), -1000.0, dtype=np.float32)
    scores[:, 1] += np.float32(1 / 512)
    path = best_path(scores, np.ones(2, dtype=bool), np.eye(2, dtype=bool))
    assert path.dtype == np.int64
    assert path.tolist() == [1] * 3000


@given(st.data())
def test_best_path_is_the_best_of_all(data):
    tags, words = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4))
    drawn = st.lists(st.integers(-8, 0), min_size=words * tags, max_size=words * tags)
    scores = np.array(data.draw(drawn), dtype=float).reshape(words, tags)
    size = tags * (tags + 1)
    flags = np.array(data.draw(st.lists(st.booleans(), min_size=size, max_size=size))).reshape(tags + 1, tags)
    starts, transitions = flags[0], flags[1:]
    allowed = {
        path: sum(scores[word, tag] for word, tag in enumerate(path))
        for path in itertools.product(range(tags), repeat=words)
        if starts[path[0]] and all(transitions[pair] for pair in itertools.pairwise(path))
    }
    if not allowed:
        with pytest.raises(ValueError, match="is allowed"):
            best_path(scores, starts, transitions)
        return
    path = tuple(best_path(scores, starts, transitions).tolist())
    assert allowed[path] == max(allowed.values())


@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_what_is_decoded_has_no_faults(seed, words):
    scores = np.random.default_rng(seed).normal(size=(words, len(NAMES)))
    assert scheme_faults([NAMES[tag] for tag in path_of(scores)], "IOB2") == []


def test_a_long_text_is_decoded_in_a_moment():
    names = ["O", *(f"{prefix}-{label}" for label in range(36) for prefix in "BI")]
    scores = np.random.default_rng(0).normal(size=(5000, len(names)))
    starts, transitions = allowed_starts(names), allowed_transitions(names)
    best_path(scores[:10], starts, transitions)
    begun = time.perf_counter()
    best_path(scores, starts, transitions)
    assert time.perf_counter() - begun < 2  # 0.05 s on one core
