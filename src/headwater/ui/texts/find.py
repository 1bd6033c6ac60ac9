"""What the page that finds values says."""

import msgspec

from headwater.ui.language import Texts


class FindTexts(msgspec.Struct, frozen=True, kw_only=True):
    """The texts of the page."""

    title: str
    about: str
    id: str
    meter: str
    metric: str
    node: str
    measured_from: str
    """With {zone}."""
    measured_to: str
    min: str
    max: str
    order: str
    newest: str
    oldest: str
    find: str
    clear: str
    local: str
    utc: str
    found: str
    views: str
    table: str
    chart: str
    more: str
    searching: str
    count_one: str
    count_many: str
    """With {count}."""
    and_more: str
    none: str
    none_of_node: str
    looked: str
    """With {count}."""
    left_out: str
    """With {count} and {reasons}."""
    expired: str
    unknown: str
    damaged: str
    unreachable: str
    """Reasons, with {count}."""
    wrong_id: str
    wrong_number: str
    wrong_time: str
    times_turned: str
    values_turned: str
    no_node: str
    refused: str
    busy: str
    away: str
    chart_about: str
    chart_none: str
    meters_more: str
    """With {count} and {shown}."""
    gaps: str
    gap: str
    """With {meter}, {from}, {to} and {lasted}."""
    gaps_more: str
    """With {count}."""
    gaps_none: str
    gaps_untold: str


FIND: Texts[FindTexts] = {
    "en": FindTexts(
        title="Find",
        about="Values by what they say, when and where. Every field left empty allows anything.",
        id="Id, straight to its lineage",
        meter="Meter, exactly",
        metric="Metric, exactly",
        node="Entered or made at node",
        measured_from="Measured from ({zone})",
        measured_to="Measured before ({zone})",
        min="Value at least",
        max="Value at most",
        order="Order",
        newest="Newest first",
        oldest="Oldest first",
        find="Find",
        clear="Clear",
        local="local time",
        utc="UTC",
        found="Values found",
        views="Show as",
        table="Table",
        chart="Chart",
        more="More",
        searching="Searching …",
        count_one="1 value",
        count_many="{count} values",
        and_more="there are more",
        none="There is no such value. Meter and metric have to be written exactly as the sensors send them; leave one "
        "of the fields empty to see what there is.",
        none_of_node="There is no such value at this node. Values are found where they entered or were made: leave "
        "the node empty to see those of all nodes.",
        looked="{count} values were looked at so far, and none of them is in this range. Look on with More, or say a "
        "meter, a node or times to come there sooner.",
        left_out="{count} values could not be compared and are left out: {reasons}. Nodes keep values for a limited "
        "time; whether a node answers is on the page Grid.",
        expired="{count} kept no longer",
        unknown="{count} not known",
        damaged="{count} damaged",
        unreachable="{count} at nodes that cannot be reached",
        wrong_id="An id has 20 digits, 0 to 9 and a to f. Copy it whole, or look for the value by its meter.",
        wrong_number="A value is a number such as 12.5.",
        wrong_time="A time needs its day and its hour.",
        times_turned="The end of the time lies before its beginning: exchange them.",
        values_turned="The greatest value is below the least: exchange them.",
        no_node="No node is called so. Choose one from the list, or leave the field empty.",
        refused="The server does not take this question.",
        busy="The server has too much to do now. Try again in a few seconds.",
        away="The server does not answer. Search again when it is back.",
        chart_about="Values over time, a line for each meter; the table has the same values, the list below the gaps",
        chart_none="None of the values is known any more, so there is nothing to draw. The table says why for each.",
        meters_more="The {shown} meters with the most values are drawn, of {count}. Say a meter to see another.",
        gaps="Gaps",
        gap="{meter}: nothing from {from} to {to} ({lasted})",
        gaps_more="and {count} more gaps",
        gaps_none="No gaps: the values follow each other evenly.",
        gaps_untold="A range of values is asked for, so a gap cannot be told from a value outside of it: points are "
        "not joined.",
    ),
    "de": FindTexts(
        title="Suche",
        about="Werte danach, was sie sagen, wann und wo. Was leer bleibt, darf beliebig sein.",
        id="Kennung, direkt zur Herkunft",
        meter="Zähler, genau",
        metric="Messgröße, genau",
        node="Eingegangen oder erzeugt bei Knoten",
        measured_from="Gemessen ab ({zone})",
        measured_to="Gemessen vor ({zone})",
        min="Wert mindestens",
        max="Wert höchstens",
        order="Reihenfolge",
        newest="Neueste zuerst",
        oldest="Älteste zuerst",
        find="Suchen",
        clear="Leeren",
        local="Ortszeit",
        utc="UTC",
        found="Gefundene Werte",
        views="Anzeigen als",
        table="Tabelle",
        chart="Diagramm",
        more="Weitere",
        searching="Suche läuft …",
        count_one="1 Wert",
        count_many="{count} Werte",
        and_more="es gibt mehr",
        none="Solche Werte gibt es nicht. Zähler und Messgröße müssen genau so geschrieben sein, wie die Sensoren sie "
        "senden; lassen Sie eines der Felder leer, um zu sehen, was es gibt.",
        none_of_node="Bei diesem Knoten gibt es solche Werte nicht. Werte werden dort gefunden, wo sie eingegangen "
        "sind oder erzeugt wurden: Lassen Sie den Knoten leer, um die aller Knoten zu sehen.",
        looked="{count} Werte wurden bisher geprüft, keiner davon liegt in diesem Bereich. Suchen Sie mit „Weitere“ "
        "weiter, oder nennen Sie Zähler, Knoten oder Zeiten, um schneller hinzukommen.",
        left_out="{count} Werte ließen sich nicht vergleichen und fehlen hier: {reasons}. Knoten bewahren Werte nur "
        "eine Zeit lang auf; ob ein Knoten antwortet, steht auf der Seite Netz.",
        expired="{count} nicht mehr aufbewahrt",
        unknown="{count} nicht bekannt",
        damaged="{count} beschädigt",
        unreachable="{count} bei nicht erreichbaren Knoten",
        wrong_id="Eine Kennung hat 20 Ziffern, 0 bis 9 und a bis f. Kopieren Sie sie ganz, oder suchen Sie den Wert "
        "über seinen Zähler.",
        wrong_number="Ein Wert ist eine Zahl, zum Beispiel 12,5.",
        wrong_time="Eine Zeit braucht Tag und Stunde.",
        times_turned="Das Ende der Zeit liegt vor ihrem Anfang: Tauschen Sie beide.",
        values_turned="Der höchste Wert liegt unter dem niedrigsten: Tauschen Sie beide.",
        no_node="So heißt kein Knoten. Wählen Sie einen aus der Liste, oder lassen Sie das Feld leer.",
        refused="Diese Frage nimmt der Server nicht an.",
        busy="Der Server hat gerade zu viel zu tun. Versuchen Sie es in einigen Sekunden noch einmal.",
        away="Der Server antwortet nicht. Suchen Sie noch einmal, wenn er zurück ist.",
        chart_about="Werte über der Zeit, eine Linie je Zähler; die Tabelle enthält dieselben Werte, die Liste "
        "darunter die Lücken",
        chart_none="Keiner der Werte ist noch bekannt, es gibt also nichts zu zeichnen. Die Tabelle sagt zu jedem, "
        "warum.",
        meters_more="Gezeichnet sind die {shown} Zähler mit den meisten Werten, von {count}. Nennen Sie einen Zähler, "
        "um einen anderen zu sehen.",
        gaps="Lücken",
        gap="{meter}: nichts von {from} bis {to} ({lasted})",
        gaps_more="und {count} weitere Lücken",
        gaps_none="Keine Lücken: Die Werte folgen gleichmäßig aufeinander.",
        gaps_untold="Gefragt ist nach einem Wertebereich; eine Lücke lässt sich dann nicht von einem Wert außerhalb "
        "unterscheiden: Die Punkte sind nicht verbunden.",
    ),
}
