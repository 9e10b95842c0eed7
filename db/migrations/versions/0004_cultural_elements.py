"""The built-in glossary of cultural elements, with a rule that pictures often get wrong for each.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

COLUMNS = ("name", "native_name", "category", "triggers", "rule", "violations", "severity", "advice")
ELEMENTS = (
    (
        "kimono",
        "着物",
        "clothing",
        ["kimono", "yukata", "着物", "浴衣"],
        "A living person's kimono closes left over right, seen from the wearer.",
        ["right over left", "right side over left", "左前"],
        "error",
        "Write: left side over right. Right over left dresses the dead.",
    ),
    (
        "furisode",
        "振袖",
        "clothing",
        ["furisode", "振袖"],
        "A furisode, with its long sleeves, is worn by unmarried women.",
        ["married", "wife", "housewife", "既婚", "人妻"],
        "warning",
        "Give a married woman a tomesode or houmongi.",
    ),
    (
        "genkan",
        "玄関",
        "building",
        ["genkan", "tatami", "玄関", "畳"],
        "Shoes come off at the entrance; nobody stands on tatami in shoes.",
        ["shoes on", "wearing shoes", "boots", "in shoes", "土足"],
        "error",
        "Take the shoes off: socks, tabi or bare feet.",
    ),
    (
        "chopsticks",
        "箸",
        "food",
        ["chopsticks", "rice bowl", "箸", "ご飯"],
        "Chopsticks never stand upright in rice: that is an offering to the dead.",
        ["stuck in rice", "upright in", "standing in rice", "立て箸", "仏箸"],
        "error",
        "Lay them on a rest or across the bowl.",
    ),
    (
        "torii",
        "鳥居",
        "building",
        ["torii", "鳥居"],
        "A torii marks a Shinto shrine, not a Buddhist temple.",
        ["buddhist temple", "temple gate", "buddha statue", "寺", "大仏"],
        "warning",
        "Call the place a shrine, or give the temple a sanmon gate.",
    ),
    (
        "miko",
        "巫女",
        "clothing",
        ["miko", "shrine maiden", "巫女"],
        "A miko serves at a Shinto shrine and wears a white kosode with red hakama.",
        ["black hakama", "blue hakama", "buddhist", "寺"],
        "warning",
        "White kosode, red hakama, at a shrine.",
    ),
    (
        "katana",
        "刀",
        "object",
        ["katana", "刀"],
        "A katana is worn through the sash at the left hip, its edge up.",
        ["on his back", "on her back", "across the back", "edge down", "right hip", "背負"],
        "info",
        "At the left hip, edge up; on the back is ninja film fashion.",
    ),
    (
        "hanami",
        "花見",
        "season",
        ["cherry blossom", "hanami", "桜", "花見"],
        "Cherry trees of the main islands bloom in spring, late March to early May.",
        ["summer", "autumn", "winter", "snow", "夏", "秋", "冬"],
        "info",
        "Move the scene to spring, or choose plum (winter's end) or maple (autumn).",
    ),
    (
        "school uniform",
        "制服",
        "clothing",
        ["school uniform", "seifuku", "制服"],
        "Summer uniforms (white, short sleeves) are worn from June to September.",
        ["short sleeves in winter", "white shirt in snow", "半袖 冬"],
        "info",
        "In the cold months: the dark winter uniform with a blazer or gakuran.",
    ),
    (
        "onsen",
        "温泉",
        "ceremony",
        ["onsen", "hot spring", "温泉"],
        "Bathers wash before they enter, and neither swimsuit nor towel goes into the water.",
        ["swimsuit", "bikini", "towel in the water", "水着"],
        "warning",
        "Hide with steam and framing instead; a folded towel may lie on the head.",
    ),
)
ROWS = sa.table(
    "cultural_elements",
    *(sa.column(name, JSONB) if name in ("triggers", "violations") else sa.column(name) for name in COLUMNS),
    sa.column("project_id"),
    schema="public",
)


def upgrade() -> None:
    op.bulk_insert(ROWS, [dict(zip(COLUMNS, element, strict=True)) for element in ELEMENTS])


def downgrade() -> None:
    names = [element[0] for element in ELEMENTS]
    op.execute(sa.delete(ROWS).where(ROWS.c.project_id.is_(None), ROWS.c.name.in_(names)))
