"""Our own comment is found again by its mark, on every forge."""

MARK = "<!-- rigline 0123456789abcdef -->"


async def test_the_oldest_comment_that_begins_with_the_mark_is_found(subject):
    facts = await subject.facts()
    subject.repository.write(7, f"> {MARK}\nquoted")
    ours = await subject.forge.comment(facts, 7, f"{MARK}\n\n### Rigline")
    subject.repository.write(7, f"{MARK}\ncopied later")
    subject.repository.write(8, f"{MARK}\non another")

    assert await subject.forge.find_comment(facts, 7, MARK) == ours
    assert await subject.forge.find_comment(facts, 9, MARK) is None


async def test_a_comment_below_hundreds_of_others_is_found(subject):
    facts = await subject.facts()
    for number in range(230):
        subject.repository.write(7, f"comment {number}")
    ours = subject.repository.write(7, MARK).id

    assert await subject.forge.find_comment(facts, 7, MARK) == ours
