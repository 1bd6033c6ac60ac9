"""What every page says."""

import msgspec

from headwater.ui.language import Texts


class Common(msgspec.Struct, frozen=True, kw_only=True):
    """The texts of the shell."""

    to_grid: str
    to_content: str
    pages: str
    grid: str
    lineage: str
    find: str
    query: str
    reports: str
    live: str
    connecting: str
    away: str
    """Shown in a banner while nothing new comes."""
    theme: str
    language: str
    green: str
    yellow: str
    red: str
    alarms_none: str
    alarms_one: str
    alarms_many: str
    """With {count}."""


COMMON: Texts[Common] = {
    "en": Common(
        to_grid="Headwater, to the grid",
        to_content="Skip to the content",
        pages="Pages",
        grid="Grid",
        lineage="Lineage",
        find="Find",
        query="Query",
        reports="Reports",
        live="Live",
        connecting="Connecting …",
        away="The server does not answer: what you see is old. This page connects again by itself.",
        theme="Dark or light",
        language="Language",
        green="working",
        yellow="impaired",
        red="failed",
        alarms_none="No alarms",
        alarms_one="1 alarm",
        alarms_many="{count} alarms",
    ),
    "de": Common(
        to_grid="Headwater, zum Netz",
        to_content="Zum Inhalt springen",
        pages="Seiten",
        grid="Netz",
        lineage="Herkunft",
        find="Suche",
        query="Abfrage",
        reports="Berichte",
        live="Live",
        connecting="Verbinde …",
        away="Der Server antwortet nicht: Was Sie sehen, ist alt. Diese Seite verbindet sich von selbst wieder.",
        theme="Dunkel oder hell",
        language="Sprache",
        green="in Ordnung",
        yellow="beeinträchtigt",
        red="ausgefallen",
        alarms_none="Keine Alarme",
        alarms_one="1 Alarm",
        alarms_many="{count} Alarme",
    ),
}
