"""The publisher: stage, sign, write tiles, have the last tree cosigned, publish it (docs/design.md, section 4).

The public checkpoint goes on only with the cosignatures of k of n witnesses, who first fetch the tiles: they are public
before the checkpoint is. Until enough have cosigned the log waits, and nothing else does (docs/decisions/0010).
Recovery is the same code:

| we crash | what is there | the next run |
|---|---|---|
| before the stage commits | nothing | stages |
| after it | leaves with an index, not signed; their tiles perhaps, beside the tree | signs them |
| after the head advanced | a signed checkpoint, tiles missing | writes the tiles |
| between two tiles | some tiles, each whole | writes the others |
| after the tiles, while witnesses are asked | some of them have cosigned | asks them all again, for the last tree |
| before the checkpoint file | all tiles, and cosignatures that are lost | as before |
| after it | the log is public, the database says not yet | writes down what is public |
"""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import sqlalchemy as sa

from anchoring import checkpoint, note
from anchoring.checkpoint import Checkpoint
from anchoring.cosigning import Ahead, Cosigner
from anchoring.errors import Refuted, Unwitnessed
from anchoring.merkle import EMPTY_ROOT
from anchoring.note import Note, Signature, Signer
from anchoring.publishing.admission import Admission, Gate
from anchoring.publishing.copying import Rows
from anchoring.publishing.growth import Growth, grow
from anchoring.publishing.head import (
    OVERTAKEN,
    Head,
    Transactions,
    advance,
    naming_what_was_altered,
    read_head,
    say_published,
)
from anchoring.publishing.order import Draw, draw_secretly
from anchoring.publishing.public_folder import files_between, held, rebuilt
from anchoring.publishing.published import Published
from anchoring.publishing.sequencer import Begin, Staged, Times, lock_head, read_staged, stage, staged_size, take_up
from anchoring.publishing.standing import Known, refuse_behind, standing, take_note
from anchoring.publishing.witnessed_time import WitnessedTime
from anchoring.quorum import Quorum
from anchoring.tree.builder import filled
from anchoring.tree.folder import CHECKPOINT, LogFolder, Prepared
from anchoring.tree.sources import DirectorySource
from anchoring.tree.tiles import TileReader


def _nothing(_step: object) -> None:
    """Take no notice of a step."""


@dataclass
class Publisher:
    """Publishes one log. Only one runs at a time; a second one loses the compare-and-swap and stops."""

    transaction: Transactions
    folder: LogFolder
    signer: Signer
    cosigners: Quorum[Cosigner]
    clock: Callable[[], int]
    gate: Gate
    on_step: Callable[[str], None] = _nothing
    """Told the name of each step as it is done; the crash tests stop the process there."""
    on_refused: Callable[[Mapping[int, str]], None] = _nothing
    """Told the movements that were set aside instead of logged, by number, and why (`anchoring.publishing.doubts`)."""
    draw: Draw = draw_secretly
    """Draws the order in which a batch is logged."""
    monotonic: Callable[[], float] = time.monotonic
    """Gives seconds, and nobody sets it: how long it is since witnesses were seen to cosign."""
    _admission: Admission = field(init=False)
    _time: WitnessedTime = field(init=False)
    _tiled: int = field(default=0, init=False)
    """The size up to which this process has written and synced the tiles: not to do it again while the log waits."""
    _larger: list[Checkpoint] = field(default_factory=list, init=False)
    """Trees that the log's own key signed, and that are larger than what this database had signed when it asked."""

    def __post_init__(self) -> None:
        """Prepare to judge what is to be logged."""
        self._admission = Admission(self.gate)
        self._time = WitnessedTime(self.cosigners.threshold, self.clock, self.monotonic, self.gate.bounds)

    @property
    def is_ahead(self) -> bool:
        """Whether this machine's clock gives acts a time that witnesses do not take yet: they wait for it to come."""
        return self._time.is_ahead

    def publish(self) -> int:
        """Bring everything that is committed into the published log; return its size.

        Raises Unwitnessed when too few witnesses cosign: then all is recorded and signed, its tiles are written, and
        the public log is as it was. The next run goes on from there, with whatever was committed since. What a clock
        that is ahead dated later than witnesses take waits until then (`is_ahead`), and nobody for it. Raises Altered
        when somebody changed the rows or tables that it goes on from.
        """
        with naming_what_was_altered():
            self.check()
            self._note_public()
            self._write_tiles()
            self._ask_the_time()
            while self._sign_batch():
                pass
            self._publish_signed()
            return self._head().published_size

    def begin(self) -> None:
        """Publish the tree without leaves, if nothing is signed or published yet; nothing else. Raises as `publish`."""
        with naming_what_was_altered():
            if self.check() == 0 and not self.folder.has_checkpoint():
                self._publish_empty()

    def check(self) -> int:
        """Hold the folder's own checkpoint against the database; return the size that the database has signed.

        A database that was set back would sign a second history, and a folder that was set back would lose files.
        Raises `Behind` for the first and `Refuted` for the second, before anything is staged or signed.
        """
        refuse_behind(standing(self.transaction))
        return held(self.transaction, self.folder, self.signer.verifier.vkey, self._head())

    def rebuild(self) -> int:
        """Write whatever the folder lacks of the published log, from the database; return its size.

        For a folder that was lost, or a second place to serve from. Files that are there are compared, not replaced.
        """
        return rebuilt(self.transaction, self.folder, self._head())

    def _sign_batch(self) -> bool:
        """Sign one batch more and write its tiles, if there is one; say whether there may be another."""
        head = self._head()
        log = Published(self.folder, head.size)
        growth: list[Growth] = []

        with self.transaction() as tx:

            def begin(leaves: Rows, documents: Mapping[int, bytes]) -> None:
                growth.append(grow(self.folder, head, leaves, documents))

            refuse_behind(lock_head(tx))
            is_recovery = staged_size(tx) > head.size
            staged = self._take_up(tx, log, begin) if is_recovery else self._stage(tx, log, begin)
        self.on_step("staged")
        if staged.refused:
            self.on_refused(staged.refused)
        if staged.size == head.size:
            return not staged.is_over
        self._sign(head, staged, growth[-1])
        self.on_step("signed")
        self._put(growth[-1].files, staged.size)
        return True

    def _stage(self, tx: sa.Connection, log: Published, begin: Begin) -> Staged:
        return stage(tx, self._admission, log, Times(self.clock(), self._time.latest), self.draw, begin)

    def _take_up(self, tx: sa.Connection, log: Published, begin: Begin) -> Staged:
        return take_up(tx, self._admission, log, self._time.latest, begin)

    def _sign(self, head: Head, staged: Staged, growth: Growth) -> None:
        """Advance the signed checkpoint over the staged leaves, by compare-and-swap.

        The tree was made of the leaves as they were staged; what the database gives back must be the same.
        """
        with self.transaction() as tx:
            is_same = read_staged(tx, head.size, staged.size).tobytes() == staged.leaves.tobytes()
        if not is_same:
            raise Refuted(f"Leaves {head.size} to {staged.size - 1} read back otherwise than they were written.")
        tree = growth.finish()
        signed = checkpoint.sign(Checkpoint(self.signer.name, staged.size, tree.root()), self.signer)
        grown = head.grown(staged.leaves, tree.root(), tree.peaks)
        with self.transaction() as tx:
            advance(tx, head, grown, signed, self.clock())

    def _note_public(self) -> None:
        """Write down that a checkpoint is public, if a run before us crashed between publishing and saying so."""
        if not self.folder.has_checkpoint():
            return
        note_ = self.folder.read(CHECKPOINT)
        cosigners = [one.verifier.vkey for one in self.cosigners.members.values()]
        public = checkpoint.open_checkpoint(note_, self.signer.verifier.vkey, cosigners)
        self._time.see(public.cosignatures)
        head = self._head()
        if public.checkpoint.size > head.published_size and len(public.cosignatures) >= self.cosigners.threshold:
            self._say_published(public.checkpoint.size, note_)

    def _ask_the_time(self) -> None:
        """Have the last signed tree cosigned once more where our clock may be ahead, for what that tells of the time.

        Whoever does not answer now is asked for his cosignature later, and it is told then.
        """
        if self._time.is_doubtful:
            with suppress(Unwitnessed):
                self._cosigned(self._signed(self._head().size), self._head().size)

    def _signed(self, size: int) -> bytes:
        """Give the checkpoint of a tree that was signed, or of the empty one, which is in no row."""
        if size == 0:
            return checkpoint.sign(Checkpoint(self.signer.name, 0, EMPTY_ROOT), self.signer)
        with self.transaction() as tx:
            return str(tx.execute(_NOTE, {"size": size}).scalar_one()).encode()

    def _write_tiles(self) -> None:
        """Write the tiles of what is signed and not published, from one signed tree to the next.

        They are made anew after a crash; `_sign_batch` wrote them otherwise, and they are not written twice.
        """
        head = self._head()
        start = max(head.published_size, self._tiled)
        with self.transaction() as tx:
            signed = tx.execute(_SIGNED_AFTER, {"size": start}).all()
        for row in signed:
            files, root = files_between(self.transaction, self.folder, start, row.size)
            if root != bytes(row.root):
                raise Refuted(f"The tiles up to {row.size} do not have the root that was signed.")
            self._put(self.folder.prepare(files), row.size)
            start = row.size

    def _put(self, files: Prepared, size: int) -> None:
        self.folder.put(files, lambda path: self.on_step(f"tile {path}"))
        self._tiled = size
        self.on_step("tiles")

    def _publish_signed(self) -> None:
        """Have the last signed tree cosigned, then publish its checkpoint; nothing when it is public."""
        head = self._head()
        if head.size == 0 and not self.folder.has_checkpoint():
            self._publish_empty()
        if head.published_size == head.size:
            return
        cosigned = self._cosigned(self._signed(head.size), head.size)
        self.on_step("cosigned")
        self._replace_checkpoint(cosigned, head.size)
        self.on_step("checkpoint")
        self._say_published(head.size, cosigned)
        self.on_step("published")
        self.folder.drop_partials(filled(head.published_size, head.size))

    def _publish_empty(self) -> None:
        """Publish the tree without leaves, before the first one: what an auditor begins with, and a witness.

        The database has no row of it: it is of every history, and signing it again forks nothing.
        """
        self._replace_checkpoint(self._cosigned(self._signed(0), 0), 0)

    def _replace_checkpoint(self, cosigned: bytes, size: int) -> None:
        """Put a checkpoint into the folder, while its tree is the last that was signed and nobody can sign another.

        While witnesses were asked, a second publisher may have gone on: its checkpoint must not be replaced.
        """
        with self.transaction() as tx:
            if lock_head(tx).size != size:
                raise Refuted(OVERTAKEN)
            self.folder.write_checkpoint(cosigned)

    def _say_published(self, size: int, cosigned: bytes) -> None:
        with self.transaction() as tx:
            say_published(tx, size, cosigned, self.clock())

    def _cosigned(self, signed: bytes, size: int) -> bytes:
        """Ask all cosigners; give the checkpoint with what k of them or more answered. Raises Unwitnessed."""
        source, text = DirectorySource(self.folder.path), note.parse(signed).text

        def ask(cosigner: Cosigner) -> Signature:
            try:
                cosignature = cosigner.cosign(signed, TileReader(source))
            except Ahead:
                larger = cosigner.last_cosigned(self.signer.verifier)
                if larger is not None and larger.size > size:
                    self._larger.append(larger)
                raise
            self._time.see(note.verify(Note(text, (cosignature,)), [cosigner.verifier]))
            return cosignature

        try:
            cosignatures = self.cosigners.ask(f"The log of {size} leaves", ask)
        finally:
            self._refuse_outgrown()
        return Note(text, (*note.parse(signed).signatures, *cosignatures)).encode()

    def _refuse_outgrown(self) -> None:
        """Note what witnesses showed that the log's own key signed, and stop when it is more than was signed here."""
        shown = [Known("A witness", one.size, one.root) for one in self._larger if one.size > self._head().size]
        self._larger.clear()
        refuse_behind(take_note(self.transaction, shown))

    def _head(self) -> Head:
        with self.transaction() as tx:
            return read_head(tx, self.signer.verifier.vkey)


_SIGNED_AFTER = sa.text("SELECT size, root FROM checkpoints WHERE size > :size ORDER BY size")
_NOTE = sa.text("SELECT note FROM checkpoints WHERE size = :size")
