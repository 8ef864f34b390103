"""One answer on its way to the screen: what stands there, what is missing, what comes next.

No I/O and no clock: :mod:`core.delivery.dispatcher` performs the steps and tells what came of them.
A step is composed at the moment it may go, from the newest text; nothing is ever queued.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import inf

from core.delivery.operations import Need, Slot, Step
from core.delivery.pacing import reads_like_something
from core.domain.events import Address, Button, MessageRef, Page
from core.ports.platform import Pager, Rung

FIRST_WORDS_PATIENCE_S = 0.7  #: after this, even a single word is worth a first frame


class Growing:
    """The state of one answer's messages."""

    def __init__(
        self,
        address: Address,
        pager: Pager,
        rungs: Sequence[Rung],
        *,
        refs: Sequence[MessageRef] = (),
        running_controls: tuple[Button, ...] = (),
        final_controls: tuple[Button, ...] = (),
        opened_at: float = 0.0,
    ) -> None:
        self.address = address
        self.rungs = tuple(rungs)
        self.slots = [Slot(ref=ref, opened_at=opened_at) for ref in refs]
        self.running_controls = running_controls
        self.final_controls = final_controls
        self.complete = False
        self.only_end_missing = False  #: the whole text stands there; the call that ends it has no room
        self.previews = True  #: False: say nothing more until the answer is complete
        self.lost_post = False  #: a post may have landed whose reference is unknown
        self.can_find = False  #: the platform can be asked for such a message
        self.words_since: float | None = None  #: when the first unseen words came
        self.opened_at = opened_at
        self.announcement = ""  #: a passing text, shown while there are no words
        self._announced = ""
        self._pager = pager
        self._pieces: list[str] = []
        self._text = ""
        self._length = 0
        self._composed_length = 0
        self._behind = False  #: the last composition left further steps

    @property
    def text(self) -> str:
        """The answer's Markdown so far."""
        if self._pieces:
            self._text += "".join(self._pieces)
            self._pieces.clear()
        return self._text

    @property
    def unseen(self) -> int:
        """Characters that came after the last composed frame."""
        return self._length - self._composed_length

    @property
    def posted(self) -> bool:
        """Whether a message of this answer stands on the screen."""
        return any(slot.ref is not None for slot in self.slots)

    @property
    def refs(self) -> tuple[MessageRef, ...]:
        """The messages on the screen, in order; frames that fade are none."""
        return tuple(slot.ref for slot in self.slots if slot.ref is not None and not self._fades(slot))

    @property
    def fades_at(self) -> float:
        """When the newest frame has to be shown again lest it fade; infinite where it stays."""
        slot = next((slot for slot in reversed(self.slots) if slot.ref is not None), None)
        fades_s = None if slot is None else self.rung_of(slot).fades_s
        return inf if slot is None or fades_s is None else slot.shown_at + fades_s

    def append(self, text: str, now: float) -> None:
        """Take in the next piece of the answer."""
        self._pieces.append(text)
        self._length += len(text)
        if self.words_since is None:
            self.words_since = now

    def announce(self, text: str) -> None:
        """Show ``text`` for as long as there are no words; they will take its place."""
        self.announcement = text

    def finish(self) -> None:
        """Note that the text is complete."""
        self.complete = True
        self._behind = True

    def need(self, now: float) -> Need | None:
        """Return what the message needs next; None where it can only wait for words."""
        if self.complete:
            return Need.FINAL if self._behind else None
        if self.lost_post and self.can_find:
            return Need.FIRST
        if not self.previews or self.lost_post:
            return None
        if self._behind:
            return Need.FIRST
        if self._length == 0 and self.announcement != self._announced:
            return Need.PREVIEW if self.posted else Need.FIRST
        if self.unseen == 0:
            return Need.PREVIEW if now >= self.fades_at else None
        if self.posted and not self._announced:
            return Need.PREVIEW
        waited_s = now - (self.words_since if self.words_since is not None else now)
        ready = waited_s >= FIRST_WORDS_PATIENCE_S or reads_like_something(self.text[:200])
        return Need.FIRST if ready and self.text.strip() else None

    def worth(self, now: float) -> float:
        """Return how much a preview would help: words unseen times the time they wait."""
        return self.unseen * (now - (self.words_since if self.words_since is not None else now) + 0.05)

    def rung_of(self, slot: Slot) -> Rung:
        """Return the way a posted message grows."""
        name = slot.ref.rung if slot.ref is not None else self.rungs[-1].name
        return next((rung for rung in self.rungs if rung.name == name), self.rungs[-1])

    def compose(self, opening: Rung, now: float) -> Step | None:
        """Return the next call, made of the newest text; None where nothing is to be done.

        ``opening`` is the rung that a new message would take now.
        """
        if self.lost_post and self.can_find:
            return Step(action="find", need=Need.FIRST, slot=self._first_open_slot(), cost=())
        if self._length == 0 and not self.complete:
            return self._announcing()
        self._composed_length = self._length
        pages = self._pager.pages(self.text, complete=self.complete)
        while len(self.slots) < len(pages):
            self.slots.append(Slot())
        for index, page in enumerate(pages):
            step = self._step(index, page, last_page=index == len(pages) - 1, opening=opening, now=now)
            if step is not None:
                self._behind = self.complete or index < len(pages) - 1
                ends = self.complete and step.last and index == len(self.slots) - 1
                return replace(step, ends=ends)
        self._behind = False
        return self._surplus(len(pages)) if self.complete else None

    def unended(self, step: Step) -> Step | None:
        """Return a step that shows the same text and leaves its message growing; None where none helps.

        For when the call that ends a message is paid from a budget without room, and the calls that
        let it grow are not: the words need not wait.
        """
        slot = self.slots[step.slot]
        if step.action != "edit" or not step.last or step.page is None or slot.ref is None:
            return None
        grow = self.rung_of(slot).grow
        if not grow or grow == step.cost or (slot.shown is not None and slot.shown.text == step.page.text):
            self.only_end_missing = self.complete
            return None
        return replace(step, need=Need.PREVIEW, cost=grow, last=False, ends=False, controls=slot.controls)

    def _announcing(self) -> Step | None:
        """Return the call that shows the announcement, in a message that can be edited freely."""
        text, self._announced = self.announcement, self.announcement
        page = Page(source=text, text=text)
        if not self.slots:
            self.slots.append(Slot())
        slot, rung = self.slots[0], self.rungs[-1]
        if not text or slot.shown == page:
            return None
        return Step(
            action="post" if slot.ref is None else "edit",
            need=Need.FIRST if slot.ref is None else Need.PREVIEW,
            slot=0,
            cost=rung.open if slot.ref is None else rung.grow,
            rung=rung.name,
            page=page,
            controls=self.running_controls,
        )

    def settled(self, step: Step, ref: MessageRef | None, now: float) -> None:
        """Note that a step took effect; ``ref`` is the message as it is now."""
        slot = self.slots[step.slot]
        match step.action:
            case "delete":
                self.slots.pop(step.slot)
            case "reclaim":
                slot.ref = ref
            case "find":
                slot.ref, slot.shown = ref, None
                self.lost_post = False
            case _:
                if slot.ref is None:
                    slot.opened_at = now
                slot.ref, slot.shown, slot.controls = ref, step.page, step.controls
                slot.shown_at = now
                slot.closed = step.last
                self.lost_post = False
                if self._length:
                    self._announced = ""
        if step.ends:
            self._behind = False
        if self.unseen == 0:
            self.words_since = None
        elif step.action in ("post", "edit"):
            self.words_since = now

    def gone(self, step: Step) -> None:
        """Note that a message was deleted under us: its text will be posted anew."""
        self.slots[step.slot] = Slot()
        self._behind = True

    def refused(self, step: Step) -> bool:
        """Note that the platform refused a page's form; False where nothing plainer is left."""
        slot = self.slots[step.slot]
        if slot.plain or step.page is None or not step.page.form:
            return False
        slot.plain = True
        self._behind = True
        return True

    def leave(self, step: Step) -> bool:
        """Give a rung up whose frames fade, where ``step`` is one of them; the next one takes over."""
        left = next((rung for rung in self.rungs if rung.name == step.rung and rung.fades_s), None)
        if left is None:
            return False
        for slot in self.slots:
            if slot.ref is not None and slot.ref.rung == left.name:
                slot.ref = slot.shown = None
        self.rungs = tuple(rung for rung in self.rungs if rung is not left)
        self._behind = True
        return True

    def again(self) -> None:
        """Note that the last composed step was not shown and has to be composed anew."""
        if self.complete or not self.posted:
            self._behind = self.complete
        self._composed_length = min(self._composed_length, max(0, self._length - 1))

    def _fades(self, slot: Slot) -> bool:
        return self.rung_of(slot).fades_s is not None

    def _first_open_slot(self) -> int:
        for index, slot in enumerate(self.slots):
            if slot.ref is None or self._fades(slot):
                return index
        self.slots.append(Slot())
        return len(self.slots) - 1

    def _step(self, index: int, page: Page, *, last_page: bool, opening: Rung, now: float) -> Step | None:
        slot = self.slots[index]
        page = replace(page, form=()) if slot.plain else page
        final = self.complete or not last_page
        controls = self._controls(final, last_page)
        rung = self.rung_of(slot)
        if slot.ref is None or (final and rung.fades_s is not None):
            # A page that is complete when it first appears takes the plainest way: one call.
            rung = self.rungs[-1] if final else opening
            return Step(
                action="post",
                need=Need.FINAL if final else Need.FIRST,
                slot=index,
                cost=rung.open,
                rung=rung.name,
                page=page,
                last=final,
                controls=controls,
            )
        if slot.shown is None and rung is not self.rungs[-1]:
            return Step(action="reclaim", need=Need.FINAL, slot=index, cost=rung.close)
        aged = rung.max_age_s is not None and now - slot.opened_at >= rung.max_age_s
        fading = rung.fades_s is not None and now >= slot.shown_at + rung.fades_s
        same = slot.shown == page and slot.controls == controls and not fading
        if same and (slot.closed or not final or rung is self.rungs[-1]) and not aged:
            slot.closed = slot.closed or final
            return None
        return Step(
            action="edit",
            need=Need.FINAL if final or aged else Need.PREVIEW,
            slot=index,
            cost=rung.close if final or aged else rung.grow,
            rung=rung.name,
            page=page,
            last=final or aged,
            controls=controls,
        )

    def _controls(self, final: bool, last_page: bool) -> tuple[Button, ...]:
        if not last_page:
            return ()
        return self.final_controls if final else self.running_controls

    def _surplus(self, pages: int) -> Step | None:
        """Return the step that takes away a message which a shorter answer no longer needs."""
        if len(self.slots) <= pages:
            return None
        index = len(self.slots) - 1
        self._behind = True
        slot = self.slots[index]
        if slot.ref is None or self._fades(slot):
            self.slots.pop()
            return self._surplus(pages)
        return Step(action="delete", need=Need.FINAL, slot=index, cost=self.rungs[-1].close)
