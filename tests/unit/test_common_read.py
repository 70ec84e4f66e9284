"""Those who want the same at the same moment share one read, and none is held up by another that fails or stops."""

import asyncio

import pytest

from adobe_ims_operator.controller.common_read import CommonReads


class Source:
    """What is read: it answers when it is let, and can be made to fail."""

    def __init__(self) -> None:
        self.reads = 0
        self.answers = asyncio.Event()
        self.failures = 0

    async def read(self) -> int:
        self.reads += 1
        number = self.reads
        await self.answers.wait()
        if self.failures:
            self.failures -= 1
            raise OSError("no")
        return number


async def start(common: CommonReads[int], source: Source, count: int) -> "list[asyncio.Task[int]]":
    tasks = [asyncio.create_task(common.read("same", source.read)) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


async def test_those_who_come_while_it_is_read_share_that_read_and_later_ones_do_not() -> None:
    common, source = CommonReads[int](), Source()
    tasks = await start(common, source, 5)
    other = asyncio.create_task(common.read("other", source.read))
    await asyncio.sleep(0)
    source.answers.set()
    assert await asyncio.gather(*tasks, other) == [1, 1, 1, 1, 1, 2]
    assert await common.read("same", source.read) == 3


async def test_that_nothing_is_there_is_shared_too() -> None:
    common, answers, reads = CommonReads[None](), asyncio.Event(), []

    async def read() -> None:
        reads.append("one")
        await answers.wait()

    tasks = [asyncio.create_task(common.read("same", read)) for _ in range(5)]
    await asyncio.sleep(0)
    answers.set()
    await asyncio.gather(*tasks)
    assert reads == ["one"]


async def test_a_read_that_fails_fails_for_one() -> None:
    common, source = CommonReads[int](), Source()
    source.failures = 1
    first, *others = await start(common, source, 3)
    source.answers.set()
    with pytest.raises(OSError, match="no"):
        await first
    assert sorted(await asyncio.gather(*others)) == [2, 3]


@pytest.mark.parametrize("stopped", [0, 1])
async def test_who_stops_stops_nobody_else(stopped: int) -> None:
    common, source = CommonReads[int](), Source()
    tasks = await start(common, source, 3)
    tasks.pop(stopped).cancel()
    await asyncio.sleep(0)
    source.answers.set()
    assert set(await asyncio.gather(*tasks)) <= {1, 2, 3}
