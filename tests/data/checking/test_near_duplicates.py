from __future__ import annotations

import random
import re
import time

from bertkit.data.checking.near_duplicates import near_duplicates

WORDS = [f"word{number}" for number in range(3000)]


def text(seed: int, length: int = 40) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=length))


def changed(whole: str, *places: int) -> str:
    words = whole.split()
    for place in places:
        words[place] = "other"
    return " ".join(words)


def jaccard(one: str, two: str) -> float:
    """The share of word triples, as anybody would compute it."""
    sets = []
    for whole in (one, two):
        words = re.findall(r"\w+", whole.casefold())
        sets.append({tuple(words[n : n + 3]) for n in range(len(words) - 2)})
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


def test_all_pairs_over_the_threshold_and_no_other() -> None:
    known = [(text(seed),) for seed in range(300)]
    asked = []
    for seed in range(300):
        places = random.Random(1000 + seed).sample(range(40), k=seed % 5)
        asked.append((changed(text(seed), *places),))
    wanted = {n for n in range(300) if jaccard(asked[n][0], known[n][0]) >= 0.8}
    assert 80 < len(wanted) < 220
    found = near_duplicates(known, asked)
    assert all(one == other for one, other in found)
    missed = wanted - {one for one, _ in found}
    assert len(missed) <= 2, missed  # a pair is met with a probability of 0.998
    assert {one for one, _ in found} <= wanted


def test_case_and_punctuation_do_not_matter_and_short_texts_are_passed_over() -> None:
    whole = "one two three four five six seven eight"
    assert near_duplicates([(whole,)], [(whole.upper().replace(" ", ", ") + "!",)]) == [(0, 0)]
    assert near_duplicates([(whole[:-6],)], [(whole[:-6],)]) == []
    assert near_duplicates([], [(whole,)]) == near_duplicates([(whole,)], []) == []


def test_of_a_pair_both_texts_have_to_be_alike() -> None:
    known = [(text(1, 100), "who was the first of them")]
    assert near_duplicates(known, [(text(1, 100), "who was the last of them")]) == []
    # Triples of a short text are few: four of five are the same here, and the question is another one.
    assert near_duplicates(known, [(text(1, 100), "who was the first of them all")]) == []
    assert near_duplicates(known, [(changed(text(1, 100), 50), "who was the first of them")]) == [(0, 0)]
    assert near_duplicates(known, [("who was the first of them", text(1, 100))]) == []
    assert near_duplicates([(text(1), text(2))], [(text(1), changed(text(2), *range(0, 40, 4)))]) == []


def test_scripts_without_blanks_are_read_character_by_character() -> None:
    known = "这是一个关于模型训练和数据检查的很长的句子没有空格"
    assert near_duplicates([(known,)], [(known + "吗",)]) == [(0, 0)]
    assert near_duplicates([(known,)], [(known[::-1],)]) == []


def test_time_does_not_grow_with_the_square() -> None:
    boilerplate = "the same words stand in each of these many letters of ours and only the number differs"
    known = [(f"{boilerplate} {number} {number * 7} {number * 13}",) for number in range(10_000)]
    began = time.perf_counter()
    found = near_duplicates(known, [(one[0] + " end",) for one in known])
    assert all(jaccard(known[a][0], known[b][0]) >= 0.7 for a, b in found)
    assert time.perf_counter() - began < 10
