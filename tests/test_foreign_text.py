"""Every place that writes text of others into a language, with text that means something in that language."""

from __future__ import annotations

import html
import json
import logging
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt

from db.models.jobs import JobType, ProductionJob
from deployments.checks import Check
from deployments.cli import doctor, events, jobs, printing
from deployments.cli.api_client import print_note
from tower.errors.foreign import one_line
from tower.jobs.flow_runs import MAX_TITLE_LENGTH, run_name
from tower.library.peaks import Peaks
from tower.library.waveform import draw_waveform
from tower.logs import PrintableFormatter
from tower.review.markdown import escape_markdown

CLI = Path(printing.__file__).parent
TEXTS = {
    "brackets": "[bold]neon[/bold] [/] [red",
    "terminal": "a\x1b[31mred\x1b[0m\x07 \x9b2J",
    "lines": "one\ntwo\r\x0bthree\u2028four",
    "bidi": "\u202eabc\u2066def\u2069",
    "invisible": "zero\u200bwidth\ufeff",
    "XML": "<b>&amp;</b> ]]> \"'",
    "Markdown": "`code` *a* __b__ | c | # d ![x](y) <http://a.example>",
    "a list": "- 1. + a",
    "formats": "%s %(x)s {0} {x}",
}


def print_job_list(text: str) -> None:
    parts = {
        name: {"reachable": False, "reason": text}
        for name in ("database", "prefect", "workers", "readiness", "comfyui")
    }
    parts["database"] |= {"jobs": {}, "size_bytes": 1, "version": text}
    parts["prefect"] |= {"version": text, "url": text}
    parts["workers"] |= {"pools": {"gpu": [{"name": text, "status": "ONLINE"}]}}
    parts["readiness"] |= {"note": text}
    parts["comfyui"] |= {"version": text, "url": text}
    engine = {"reachable": True, "name": text, "version": text, "why": text, "broken": {text: text}}
    job = {"job_id": 1, "status": "failed", "stage": "render", "progress": 0.5, "quality_score": None}
    jobs.print_system(
        {"system": {**parts, "engine": engine}, "generations": [{**job, "queue_position": None, "prompt": text}]}
    )


PRINTERS: dict[str, Callable[[str], object]] = {
    "a line": printing.print_line,
    "a note": print_note,
    "a styled line": lambda text: printing.print_styled((text, "bold"), (text, "")),
    "a table": lambda text: printing.print_rows(("name", "note"), [(text, text)]),
    "a record": lambda text: printing.print_record({"name": text, "inner": {"name": text}, "list": [text]}),
    "the status": print_job_list,
    "doctor": lambda text: doctor.print_checks([Check("disk", "fail", text, text)]),
    "an event": events.print_event,
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("write", PRINTERS.values(), ids=PRINTERS)
def test_a_command_shows_text_and_never_obeys_it(
    capsys: pytest.CaptureFixture[str], write: Callable[[str], object], text: str
) -> None:
    write(text)
    out, err = capsys.readouterr()
    assert {character for character in out + err if not character.isprintable()} <= {"\n"}
    assert one_line(text) in one_line(out + err)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_printed_json_has_every_character_and_shows_no_invisible_one(
    capsys: pytest.CaptureFixture[str], text: str
) -> None:
    printing.print_json({text: [text]})
    out = capsys.readouterr().out
    assert {character for character in out if not character.isprintable()} == {"\n"}
    assert json.loads(out) == {text: [text]}


def test_commands_print_by_the_module_that_knows_the_terminal() -> None:
    """`tower env` writes for a shell, which has its own quotes."""
    modules = [path for path in CLI.glob("*.py") if path.name not in ("printing.py", "env.py")]
    assert [path.name for path in modules if "typer.echo(" in path.read_text()] == []
    assert [path.name for path in modules if re.search(r"\[(bold|dim|/)\]|\[\{\w+\}\]", path.read_text())] == []


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_log_record_is_one_line(text: str) -> None:
    record = logging.LogRecord("tower", logging.INFO, __file__, 1, "The prompt %s", (text,), None)
    assert PrintableFormatter("%(message)s").format(record).isprintable()


def test_a_traceback_in_a_log_keeps_its_lines() -> None:
    with pytest.raises(ValueError, match="red") as caught:
        int(TEXTS["terminal"])
    record = logging.LogRecord(
        "tower", logging.ERROR, __file__, 1, "failed", (), (caught.type, caught.value, caught.tb)
    )
    lines = PrintableFormatter("%(message)s").format(record).splitlines()
    assert lines[1].startswith("Traceback")
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("frame", ["> {}", "**Prompt:** {}", "| a |\n|---|\n| {} |", "{}"])
def test_markdown_shows_text_unchanged(frame: str, text: str) -> None:
    page = MarkdownIt("commonmark").enable("table").render(frame.format(escape_markdown(text)))
    shown = html.unescape(re.sub(r"</?(?:p|blockquote|strong|table|thead|tbody|tr|th|td)>", "", page))
    assert one_line(text) in shown
    assert not re.search(r"<(a|img|code|em|ul|ol|h1|b)\b", page)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_run_has_a_printable_name(text: str) -> None:
    name = run_name(ProductionJob(id=7, job_type=JobType.STANDARD, prompt=text))
    assert name.isprintable()
    assert len(name) < MAX_TITLE_LENGTH + 40


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_picture_of_a_track_is_xml_with_its_title(text: str) -> None:
    peaks = Peaks(duration_s=1.0, high=[0.5], low=[-0.5])
    title = ElementTree.fromstring(draw_waveform(text, peaks, None)).findtext("{http://www.w3.org/2000/svg}title")
    assert one_line(title or "") == one_line(text)
