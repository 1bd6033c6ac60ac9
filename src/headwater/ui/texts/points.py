"""What tables of data points say."""

import msgspec

from headwater.ui.language import Texts


class PointsTexts(msgspec.Struct, frozen=True, kw_only=True):
    """Heads of columns, buttons of rows, and what is said instead of a value."""

    id: str
    meter: str
    metric: str
    value: str
    measured: str
    received: str
    sent: str
    place: str
    class_name: str
    line: str
    inputs: str
    step: str
    application: str
    actions: str
    lineage: str
    json: str
    recursive: str
    lineage_of: str
    json_of: str
    recursive_of: str
    """What the buttons do, with {id}."""
    expired: str
    unknown: str
    damaged: str
    unreachable: str
    """Why there is no value."""
    none: str
    local: str
    utc: str
    times: str
    filter: str
    gone: str
    """A file was asked of a data point that the store holds no longer; with {id}."""
    failed: str
    """With {id}."""
    saved: str
    """With {file}."""


POINTS: Texts[PointsTexts] = {
    "en": PointsTexts(
        id="Id",
        meter="Meter",
        metric="Metric",
        value="Value",
        measured="Measured",
        received="Received",
        sent="Sent",
        place="Place",
        class_name="Class",
        line="Line",
        inputs="Inputs",
        step="Made by",
        application="Application",
        actions="What to do",
        lineage="Lineage",
        json="JSON",
        recursive="Recursive",
        lineage_of="Lineage of {id}",
        json_of="Download {id} and what it was made from as a list, as JSON",
        recursive_of="Download {id} and what it was made from nested, as JSON",
        expired="kept no longer",
        unknown="not known",
        damaged="damaged",
        unreachable="node not reachable",
        none="No data points",
        local="Local time",
        utc="UTC",
        times="Show times in UTC or in local time",
        filter="Filter rows",
        gone="The provenance of {id} has been deleted: there is nothing to download. Newer data points have theirs.",
        failed="{id} could not be downloaded, the server did not answer. Try again in a moment.",
        saved="Downloaded {file}",
    ),
    "de": PointsTexts(
        id="Kennung",
        meter="Zähler",
        metric="Messgröße",
        value="Wert",
        measured="Gemessen",
        received="Empfangen",
        sent="Gesendet",
        place="Ort",
        class_name="Klasse",
        line="Zeile",
        inputs="Eingänge",
        step="Erzeugt von",
        application="Anwendung",
        actions="Aktionen",
        lineage="Herkunft",
        json="JSON",
        recursive="Rekursiv",
        lineage_of="Herkunft von {id}",
        json_of="{id} und woraus es entstand als Liste herunterladen, als JSON",
        recursive_of="{id} und woraus es entstand verschachtelt herunterladen, als JSON",
        expired="nicht mehr aufbewahrt",
        unknown="nicht bekannt",
        damaged="beschädigt",
        unreachable="Knoten nicht erreichbar",
        none="Keine Datenpunkte",
        local="Ortszeit",
        utc="UTC",
        times="Zeiten in UTC oder in Ortszeit anzeigen",
        filter="Zeilen filtern",
        gone="Die Herkunft von {id} wurde gelöscht, es gibt nichts herunterzuladen. "
        "Neuere Datenpunkte haben ihre noch.",
        failed="{id} konnte nicht heruntergeladen werden, der Server hat nicht geantwortet. "
        "Bitte versuchen Sie es gleich noch einmal.",
        saved="{file} heruntergeladen",
    ),
}

GRID_WORDS: Texts[dict[str, str]] = {
    "en": {},
    "de": {
        "contains": "Enthält",
        "notContains": "Enthält nicht",
        "equals": "Gleich",
        "notEqual": "Ungleich",
        "startsWith": "Beginnt mit",
        "endsWith": "Endet mit",
        "blank": "Leer",
        "notBlank": "Nicht leer",
        "greaterThan": "Größer als",
        "greaterThanOrEqual": "Größer oder gleich",
        "lessThan": "Kleiner als",
        "lessThanOrEqual": "Kleiner oder gleich",
        "inRange": "Zwischen",
        "inRangeStart": "Von",
        "inRangeEnd": "Bis",
        "filterOoo": "Filtern …",
        "andCondition": "UND",
        "orCondition": "ODER",
        "noRowsToShow": "Keine Zeilen",
        "ariaFilterValue": "Filterwert",
        "ariaFilterFromValue": "Filtern ab",
        "ariaFilterToValue": "Filtern bis",
        "ariaFilteringOperator": "Art des Filters",
        "ariaFilterMenuOpen": "Filter öffnen",
        "ariaMenuColumn": "Alt und Pfeil nach unten öffnen das Menü der Spalte",
        "ariaFilterColumn": "Strg und Eingabe öffnen den Filter",
        "ariaSortableColumn": "Eingabe sortiert",
        "ariaRowSelect": "Leertaste wählt diese Zeile aus",
        "ariaRowDeselect": "Leertaste wählt diese Zeile ab",
        "ariaFiltered": "gefiltert",
        "ariaLabelColumnFilter": "Spaltenfilter",
        "ariaColumnFiltered": "Spalte gefiltert",
    },
}
"""AG Grid's own words, by its names for them; those it has itself are left out."""
