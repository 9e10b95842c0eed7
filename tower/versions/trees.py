"""A state of a project as a tree of objects: kinds, then nodes, then entities.

    tree   {kind: [count, node]}
    node   {"nodes": {hex digit: [count, node]}}   above LEAF_CAPACITY entities
           {"leaf": {key: entity}}                 up to LEAF_CAPACITY entities

The position of a key follows from the digits of its sha256. So a tree depends on its entities and not on the order
of edits, and two states share every node that is the same in both. (This is a Merkle hash trie, like git's trees or
prolly trees.) With 10,000 entities an edit writes a leaf, two nodes and the tree: about 6 KB.
"""

from __future__ import annotations

import hashlib
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from sqlalchemy import text
from sqlalchemy.exc import DataError

from db.models.versions import ObjectKind
from tower.versions.fields import fill_defaults
from tower.versions.kinds import Fields, Kind
from tower.versions.objects import DamagedHistoryError, ObjectStore

LEAF_CAPACITY = 64  # entities in a leaf, at most
PATH_QUERY_LIMIT = 8  # entities, at most, whose paths are read with one query; more are read level by level

Address: TypeAlias = tuple[Kind, uuid.UUID]
EntityHashes: TypeAlias = dict[Address, str | None]  # the hash of each entity; None if absent
NodeRef: TypeAlias = tuple[int, str]  # (count of entities, hash of the node)
LeafEntries: TypeAlias = dict[str, str]  # entity hashes by the hex of their key

_PATHS = text(
    "with recursive path as ("
    " select p.*, 0 as depth, o.hash, o.content, convert_from(o.content, 'UTF8')::json as object"
    " from unnest(cast(:kinds as text[]), cast(:keys as text[]), cast(:digits as text[])) as p(kind, key, digits)"
    " join anime_api.version_objects o on o.project_id = :project_id and o.hash = :tree"
    " union all"
    " select p.kind, p.key, p.digits, p.depth + 1, o.hash, o.content, convert_from(o.content, 'UTF8')::json"
    " from path p cross join lateral ("
    "  select hash, content from anime_api.version_objects where project_id = :project_id and hash = case p.depth"
    "   when 0 then p.object -> p.kind ->> 1"
    "   else coalesce(p.object -> 'leaf' ->> p.key, p.object -> 'nodes' -> substr(p.digits, p.depth, 1) ->> 1) end"
    "  limit 1) o)"  # without a limit PostgreSQL may expect many rows, and scan all objects at each step
    " select distinct hash, content from path"
)


def put_entity(objects: ObjectStore, kind: Kind, fields: Fields) -> str:
    return objects.put(ObjectKind.ENTITY, {"kind": kind.value, "fields": fields})


def get_entity(objects: ObjectStore, sha256: str) -> Fields:
    """Return the fields of an entity, with defaults for fields that its kind has gained since it was stored."""
    stored = objects.get(sha256)
    return fill_defaults(Kind(stored["kind"]), stored["fields"])


def put_empty_tree(objects: ObjectStore) -> str:
    return objects.put(ObjectKind.TREE, {})


def find_entities(objects: ObjectStore, tree: str, addresses: Iterable[Address]) -> EntityHashes:
    """Return the hashes of these entities, with a query per level, or one in all for up to PATH_QUERY_LIMIT of them."""
    found: EntityHashes = dict.fromkeys(addresses)

    def load(nodes: Collection[str]) -> None:
        if 0 < len(found) <= PATH_QUERY_LIMIT and not objects.are_cached(nodes):
            _load_paths(objects, tree, found)
        objects.load(nodes)

    load([tree])
    roots = objects.get(tree)
    level = [(at, roots[at[0]][1]) for at in found if at[0] in roots]
    depth = 0
    while level:
        load({sha256 for _, sha256 in level})
        deeper = []
        for at, sha256 in level:
            node = objects.get(sha256)
            if "leaf" in node:
                found[at] = node["leaf"].get(at[1].hex)
            elif child := node["nodes"].get(_digit(at[1].hex, depth)):
                deeper.append((at, child[1]))
        level, depth = deeper, depth + 1
    return found


def find_in_trees(objects: ObjectStore, trees: Iterable[str], at: Address) -> dict[str, str | None]:
    """Return the hash of one entity in each of these trees, with one query per level."""
    kind, key = at
    hashes = set(trees)
    objects.load(hashes)
    found: dict[str, str | None] = dict.fromkeys(hashes)
    level = {tree: objects.get(tree)[kind][1] for tree in hashes if kind in objects.get(tree)}
    depth = 0
    while level:
        objects.load(level.values())
        nodes = {tree: objects.get(node) for tree, node in level.items()}
        found |= {tree: node["leaf"].get(key.hex) for tree, node in nodes.items() if "leaf" in node}
        children = {tree: node["nodes"].get(_digit(key.hex, depth)) for tree, node in nodes.items() if "nodes" in node}
        level, depth = {tree: child[1] for tree, child in children.items() if child}, depth + 1
    return found


def list_entities(objects: ObjectStore, tree: str, kind: Kind) -> dict[uuid.UUID, str]:
    """Return the hashes of all entities of one kind, by key."""
    roots = objects.get(tree)
    entries = _read_entries(objects, roots[kind][1]) if kind in roots else {}
    return {uuid.UUID(key): sha256 for key, sha256 in entries.items()}


def write_tree(objects: ObjectStore, tree: str, changes: EntityHashes) -> str:
    """Return the hash of the tree with these changes; None removes an entity. Unchanged nodes are shared."""
    find_entities(objects, tree, changes)  # loads the nodes that are read below in batches
    roots = dict(objects.get(tree))
    by_kind: dict[Kind, dict[str, str | None]] = defaultdict(dict)
    for (kind, key), sha256 in changes.items():
        by_kind[kind][key.hex] = sha256
    for kind, entries in by_kind.items():
        root = _write_node(objects, roots.get(kind), entries, 0)
        roots.pop(kind, None)
        if root is not None:
            roots[kind.value] = list(root)
    return objects.put(ObjectKind.TREE, roots)


def diff_trees(objects: ObjectStore, before: str, after: str) -> dict[Address, tuple[str | None, str | None]]:
    """Return the hashes before and after of every entity that differs. Reads only nodes that differ."""
    objects.load([before, after])
    old, new = objects.get(before), objects.get(after)
    found: dict[Address, tuple[str | None, str | None]] = {}
    level: list[tuple[Kind, str | LeafEntries, str | LeafEntries]] = [
        (Kind(kind), old[kind][1] if kind in old else {}, new[kind][1] if kind in new else {})
        for kind in old.keys() | new.keys()
        if old.get(kind) != new.get(kind)
    ]
    depth = 0
    while level:
        objects.load(node for _, *pair in level for node in pair if isinstance(node, str))
        level = [deeper for pair in level for deeper in _compare_nodes(objects, pair, depth, found)]
        depth += 1
    return found


def _load_paths(objects: ObjectStore, tree: str, addresses: Iterable[Address]) -> None:
    """Load these entities and all nodes on the paths to them."""
    kinds, keys = zip(*((kind.value, key.hex) for kind, key in addresses), strict=True)
    try:
        objects.load_from(
            _PATHS, tree=tree, kinds=list(kinds), keys=list(keys), digits=[key_digits(key) for key in keys]
        )
    except DataError as error:
        raise DamagedHistoryError(f"A part of the tree {tree} cannot be read: run `tower fsck` to find it") from error


def _compare_nodes(
    objects: ObjectStore,
    pair: tuple[Kind, str | LeafEntries, str | LeafEntries],
    depth: int,
    found: dict[Address, tuple[str | None, str | None]],
) -> Iterator[tuple[Kind, str | LeafEntries, str | LeafEntries]]:
    """Add entities that differ between two leaves to `found`; for larger nodes yield pairs of differing children."""
    kind, before, after = pair[0], _node_content(objects, pair[1]), _node_content(objects, pair[2])
    if "leaf" in before and "leaf" in after:
        old, new = before["leaf"], after["leaf"]
        for key in old.keys() | new.keys():
            if old.get(key) != new.get(key):
                found[kind, uuid.UUID(key)] = (old.get(key), new.get(key))
        return
    left, right = _child_nodes(before, depth), _child_nodes(after, depth)
    for digit in left.keys() | right.keys():
        if left.get(digit) != right.get(digit):
            yield kind, left.get(digit, {}), right.get(digit, {})


def _node_content(objects: ObjectStore, node: str | LeafEntries) -> dict[str, Any]:
    return objects.get(node) if isinstance(node, str) else {"leaf": node}


def _child_nodes(node: dict[str, Any], depth: int) -> Mapping[str, str | LeafEntries]:
    if "nodes" in node:
        return {digit: child[1] for digit, child in node["nodes"].items()}
    return _split_by_digit(node["leaf"], depth)


def _split_by_digit(entries: Mapping[str, Any], depth: int) -> dict[str, dict[str, Any]]:
    parts: dict[str, dict[str, Any]] = defaultdict(dict)
    for key, sha256 in entries.items():
        parts[_digit(key, depth)][key] = sha256
    return parts


def _write_node(objects: ObjectStore, node: Any, changes: Mapping[str, str | None], depth: int) -> NodeRef | None:
    """Store `node` with the changes and return it; None if no entity is left."""
    content = {"leaf": {}} if node is None else objects.get(node[1])
    if "leaf" in content:
        merged = {**content["leaf"], **changes}
        return _build_node(objects, {key: sha256 for key, sha256 in merged.items() if sha256}, depth)
    children = dict(content["nodes"])
    for digit, part in _split_by_digit(changes, depth).items():
        child = _write_node(objects, children.pop(digit, None), part, depth + 1)
        if child is not None:
            children[digit] = list(child)
    count = sum(child[0] for child in children.values())
    if count <= LEAF_CAPACITY:
        objects.load(child[1] for child in children.values())
        remaining = [_read_entries(objects, child[1]) for child in children.values()]
        return _build_node(objects, {key: sha256 for entries in remaining for key, sha256 in entries.items()}, depth)
    return count, objects.put(ObjectKind.TREE, {"nodes": children})


def _build_node(objects: ObjectStore, entries: LeafEntries, depth: int) -> NodeRef | None:
    if not entries:
        return None
    if len(entries) <= LEAF_CAPACITY:
        return len(entries), objects.put(ObjectKind.TREE, {"leaf": entries})
    children = {digit: _build_node(objects, part, depth + 1) for digit, part in _split_by_digit(entries, depth).items()}
    nodes = {digit: list(child) for digit, child in children.items() if child}
    return len(entries), objects.put(ObjectKind.TREE, {"nodes": nodes})


def _read_entries(objects: ObjectStore, sha256: str) -> LeafEntries:
    entries: LeafEntries = {}
    level = [sha256]
    while level:
        objects.load(level)
        nodes = [objects.get(node) for node in level]
        for node in nodes:
            entries.update(node.get("leaf", {}))
        level = [child[1] for node in nodes for child in node.get("nodes", {}).values()]
    return entries


def key_digits(key: str) -> str:
    """Return the hex digits that give the position of a key, which is given as hex."""
    return hashlib.sha256(key.encode()).hexdigest()


def _digit(key: str, depth: int) -> str:
    return key_digits(key)[depth]
