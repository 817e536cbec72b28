"""Lists of several pages as one: the rules, without calling."""

from __future__ import annotations

from typing import Any, Generic

import grpc

from eldr._methods import Request, Response, Unary
from eldr._retry import Environment
from eldr.errors import EldrError


class Pages(Generic[Request, Response]):
    """One page if the request asks for one, else all of them, within one timeout.

    While `request` is not None: call with it and `remaining()`, and `add` the answer.
    """

    def __init__(
        self,
        method: Unary[Request, Response],
        request: Request,
        timeout: float,
        environment: Environment,
    ) -> None:
        asked: Any = request
        self._all = not asked.page_size and not asked.page_token
        self._now = environment.now
        self._deadline = environment.now() + timeout
        # What asks for the next page; None after the last one.
        self.request: Request | None = request
        # The elements so far.
        self.result: Response = method.response()

    def remaining(self) -> float:
        """What the next page may take. EldrError if no time is left."""
        left = self._deadline - self._now()
        if left <= 0:
            raise EldrError(
                grpc.StatusCode.DEADLINE_EXCEEDED, "the timeout passed between two pages"
            )
        return left

    def add(self, page: Response) -> None:
        """EldrError if the page is said to follow itself, which would go on for ever."""
        before: Any = self.request
        answered: Any = page
        token = answered.next_page_token
        self.request = None
        self.result.MergeFrom(page)  # adds the elements
        if not self._all:
            return
        self.result.ClearField("next_page_token")
        if not token:
            return
        if token == before.page_token:
            raise EldrError(
                grpc.StatusCode.INTERNAL,
                "next_page_token: got that of the page before, expected another",
            )
        following = type(before)()
        following.CopyFrom(before)  # what is asked for stays, and the caller's stays as it is
        following.page_token = token
        self.request = following
