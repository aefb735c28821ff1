"""Logs of decisions rewritten by whoever can sign: a leaf says something else, and those after it follow, or do not."""

from dataclasses import replace

from registry.evidence.document import digest
from registry.procedure.fields import moment
from registry.procedure.replay import Entry
from tests.support.decisions import sealed


def written(entry, values):
    """The same record with another document, and the evidence and time that it says."""
    evidence = sealed(values)
    at = moment(values["at"]) if is_moment(values.get("at")) else entry.movement.at
    movement = replace(entry.movement, evidence=evidence.digest, at=at)
    leaf = replace(entry.document.leaf, evidence=evidence.digest)
    return Entry(entry.leaf, movement, replace(entry.document, leaf=leaf, fields=evidence.fields))


def is_moment(value):
    try:
        return moment(value) >= 0
    except (ValueError, TypeError):
        return False


def with_salts_of(entry, other, fields):
    """The same record, of which some fields have the salts that another has there."""
    shown = dict(entry.document.fields)
    for name in fields:
        shown[name] = [other.document.fields[name][0], shown[name][1]]
    evidence = digest(shown)
    leaf = replace(entry.document.leaf, evidence=evidence)
    document = replace(entry.document, leaf=leaf, fields=shown)
    return entry._replace(movement=replace(entry.movement, evidence=evidence), document=document)


def follow(entries, at, before):
    """Let all later documents name the altered decision where they named the one that it was."""
    renamed = {before.movement.evidence.hex(): entries[at].movement.evidence.hex()}
    for place in range(at + 1, len(entries)):
        entry = entries[place]
        if entry.document is None:
            continue
        values = {name: _again(value, renamed) for name, value in entry.document.values.items()}
        if values != entry.document.values:
            entries[place] = written(entry, values)
            renamed[entry.movement.evidence.hex()] = entries[place].movement.evidence.hex()
    return entries


def placed(entry, at):
    """An entry at another index."""
    document = entry.document and replace(entry.document, leaf=replace(entry.document.leaf, index=at))
    return Entry(at, entry.movement, document)


def without(entries, dropped):
    """The log without one of its leaves; parents that stand after it keep being named."""
    kept = [entry for entry in entries if entry.leaf != dropped]
    return [placed(_shifted(entry, dropped), at) for at, entry in enumerate(kept)]


def _shifted(entry, dropped):
    parent = entry.movement.parent
    if parent is None or parent < dropped:
        return entry
    return entry._replace(movement=replace(entry.movement, parent=parent - 1))


def _again(value, renamed):
    return [renamed.get(one, one) for one in value] if isinstance(value, list) else renamed.get(value, value)
