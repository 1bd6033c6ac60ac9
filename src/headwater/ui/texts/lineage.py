"""What the lineage page says."""

import msgspec

from headwater.ui.language import Texts


class LineageTexts(msgspec.Struct, frozen=True, kw_only=True):
    """The texts of a lineage."""

    title: str
    title_value: str
    """With {value}."""
    title_both: str
    """With {value}."""
    this_value: str
    subtitle: str
    """With {node} and {time}."""
    intro: str
    intro_newest: str
    id_field: str
    show: str
    graph: str
    context: str
    forward: str
    fold_all: str
    save_as: str
    copy_id: str
    copied: str
    loading: str
    open: str
    """On a card of many, to show them one by one."""
    close: str
    open_inputs: str
    open_outputs: str
    further: str
    fold_chain: str
    readings_one: str
    readings: str
    """With {count}."""
    values: str
    """With {count}."""
    meters: str
    """With {count}."""
    at_node: str
    """With {node}."""
    at_nodes: str
    """With {count}."""
    from_sensor: str
    """With {node}."""
    made_by: str
    """With {step} and {node}."""
    made_of: str
    """With {what}, {count} and {node}."""
    passed_on: str
    """With {count}."""
    average: str
    sum: str
    min: str
    max: str
    count: str
    last: str
    too_many: str
    outside: str
    lost_late: str
    lost_dropped: str
    lost_gap: str
    lost_expired: str
    lost_damaged: str
    lost_not_permitted: str
    lost_cycle: str
    lost_unknown: str
    missing: str
    """With {count} and {why}."""
    value: str
    no_value: str
    value_expired: str
    value_unknown: str
    value_damaged: str
    value_unreachable: str
    values_unreachable: str
    metric: str
    meter: str
    happened: str
    node: str
    place: str
    measured: str
    received: str
    made: str
    sent: str
    stayed: str
    application: str
    class_name: str
    line: str
    step: str
    origin: str
    origin_source: str
    """With {stream} and {number}."""
    origin_entry: str
    """With {stream} and {number}."""
    origin_step: str
    """With {stream} and {number}."""
    trace: str
    inputs: str
    outputs: str
    health_then: str
    part_node: str
    part_pipeline: str
    part_provenance: str
    part_link: str
    hop: str
    clocks: str
    id: str
    own_lineage: str
    group_title: str
    chain_title: str
    point_title: str
    period: str
    until: str
    more: str
    """With {count}."""
    saving: str
    saved: str
    """With {file}."""
    save_too_large: str
    save_failed: str
    crowded: str
    refused: str
    incomplete: str
    problem_malformed: str
    """With {id}."""
    problem_unknown: str
    """With {id}."""
    problem_expired: str
    """With {id}."""
    problem_damaged: str
    """With {id}."""
    problem_dropped: str
    """With {id}."""
    problem_gap: str
    """With {id}."""
    problem_too_large: str
    """With {id}."""
    problem_away: str


LINEAGE: Texts[LineageTexts] = {
    "en": LineageTexts(
        title="Lineage",
        title_value="Where {value} came from",
        title_both="Where {value} came from, and where it went",
        this_value="this value",
        subtitle="at {node}, {time}",
        intro=(
            "Every value has an id of 20 digits. Enter one to see which readings it was made from, which "
            "nodes they passed, and when."
        ),
        intro_newest="Or begin with one of the newest readings:",
        id_field="Id of a data point",
        show="Show",
        graph="Graph of the lineage: arrow keys move between cards",
        context="Context of the chosen card",
        forward="Also where it went",
        fold_all="Fold all",
        save_as="Save as",
        copy_id="Copy id",
        copied="The id is copied.",
        loading="Following the value …",
        open="show",
        close="hide",
        open_inputs="Show what it was made from",
        open_outputs="Show what it went into",
        further="Show more hops",
        fold_chain="Fold the nodes that only passed it on",
        readings_one="1 reading",
        readings="{count} readings",
        values="{count} derived values",
        meters="{count} meters",
        at_node="received at {node}",
        at_nodes="received at {count} nodes",
        from_sensor="from the sensor, at {node}",
        made_by="{step}, at {node}",
        made_of="{what} of {count}, at {node}",
        passed_on="passed on by {count} nodes",
        average="average",
        sum="sum",
        min="lowest",
        max="highest",
        count="count",
        last="last",
        too_many="too many to look at one by one",
        outside="named by an older client; Headwater never held it",
        lost_late="came too late for its window",
        lost_dropped="dropped: a full buffer had no room",
        lost_gap="lost before it was sent on",
        lost_expired="deleted: kept no longer than agreed",
        lost_damaged="damaged where it was stored",
        lost_not_permitted="you may not see it",
        lost_cycle="names itself as its own input",
        lost_unknown="not in the store (yet)",
        missing="{count} are missing: {why}",
        value="Value",
        no_value="no value",
        value_expired="kept no longer; only its history is",
        value_unknown="its node does not know it",
        value_damaged="damaged in the log of its node",
        value_unreachable="its node does not answer now",
        values_unreachable=(
            "Some nodes do not answer, so values they hold are not shown. Where they came from is complete. "
            "Try again when the nodes are back."
        ),
        metric="Metric",
        meter="Meter",
        happened="What happened",
        node="Node",
        place="Place",
        measured="Measured",
        received="Received",
        made="Made",
        sent="Sent on",
        stayed="Stayed at the node",
        application="Application",
        class_name="Class",
        line="Line",
        step="Step",
        origin="Origin",
        origin_source="sensor {stream}, number {number}",
        origin_entry="entered at log {stream}, record {number}",
        origin_step="made in log {stream}, record {number}",
        trace="Trace",
        inputs="Made from",
        outputs="Went into",
        health_then="Health then",
        part_node="node",
        part_pipeline="pipeline daemon",
        part_provenance="provenance daemon",
        part_link="outgoing link",
        hop="Time to the next card",
        clocks="The clocks of the two nodes differ by more than the way took.",
        id="Id",
        own_lineage="Lineage of this data point",
        group_title="Many together",
        chain_title="Passed on unchanged",
        point_title="One data point",
        period="Measured from",
        until="until",
        more="and {count} more",
        saving="Preparing the file …",
        saved="Saved as {file}.",
        save_too_large=(
            "The lineage has too many data points for one file. Open a card nearer to the sensors with "
            "“Lineage of this data point” and save that."
        ),
        save_failed="The file could not be made: the server does not answer. Try again in a moment.",
        crowded="Only about 200 cards are drawn at once. Fold something to open this.",
        refused="That is too much to be taken apart here. Find single readings by meter and time instead.",
        incomplete="Part of this got no answer in time. This page asks again by itself.",
        problem_malformed=(
            "“{id}” is not an id. An id has 20 characters, 0 to 9 and a to f. Check it, or copy it anew from "
            "where you found it."
        ),
        problem_unknown=(
            "Nothing of the id {id} is stored. If it is very new, look again in a few seconds; else check the id."
        ),
        problem_expired=(
            "{id} has expired: its history was deleted because it is kept no longer. How long it is kept is "
            "set in the topology file."
        ),
        problem_damaged=(
            "The record of {id} was damaged where it was stored, and is named as lost. What came after it can "
            "still be followed."
        ),
        problem_dropped="{id} was dropped because a full buffer had no room, and is named as lost.",
        problem_gap="{id} was lost before it was sent on, and is named as lost.",
        problem_too_large=(
            "{id} went into more data points than one answer holds. Leave out where it went, or ask at a node "
            "nearer to the end."
        ),
        problem_away="The server does not answer. This page asks again by itself.",
    ),
    "de": LineageTexts(
        title="Herkunft",
        title_value="Woher {value} kommt",
        title_both="Woher {value} kommt und wohin es ging",
        this_value="dieser Wert",
        subtitle="bei {node}, {time}",
        intro=(
            "Jeder Wert hat eine Kennung aus 20 Zeichen. Geben Sie eine ein, um zu sehen, aus welchen "
            "Messwerten er entstand, über welche Knoten sie kamen und wann."
        ),
        intro_newest="Oder beginnen Sie mit einem der neuesten Messwerte:",
        id_field="Kennung eines Datenpunkts",
        show="Anzeigen",
        graph="Graph der Herkunft: Pfeiltasten wechseln zwischen den Karten",
        context="Kontext der gewählten Karte",
        forward="Auch, wohin es ging",
        fold_all="Alles zuklappen",
        save_as="Speichern als",
        copy_id="Kennung kopieren",
        copied="Die Kennung ist kopiert.",
        loading="Der Wert wird verfolgt …",
        open="zeigen",
        close="verbergen",
        open_inputs="Zeigen, woraus es entstand",
        open_outputs="Zeigen, wohin es einging",
        further="Weitere Schritte zeigen",
        fold_chain="Knoten zusammenfassen, die nur weitergaben",
        readings_one="1 Messwert",
        readings="{count} Messwerte",
        values="{count} abgeleitete Werte",
        meters="{count} Zähler",
        at_node="empfangen bei {node}",
        at_nodes="empfangen bei {count} Knoten",
        from_sensor="vom Sensor, bei {node}",
        made_by="{step}, bei {node}",
        made_of="{what} aus {count}, bei {node}",
        passed_on="weitergereicht von {count} Knoten",
        average="Durchschnitt",
        sum="Summe",
        min="Minimum",
        max="Maximum",
        count="Anzahl",
        last="letzter Wert",
        too_many="zu viele, um sie einzeln anzusehen",
        outside="von einem älteren Client genannt; Headwater hatte ihn nie",
        lost_late="kam zu spät für sein Zeitfenster",
        lost_dropped="verworfen: Ein voller Puffer hatte keinen Platz",
        lost_gap="verloren, bevor es weitergesendet wurde",
        lost_expired="gelöscht: Die Aufbewahrungszeit ist vorbei",
        lost_damaged="beschädigt, wo es gespeichert war",
        lost_not_permitted="Sie dürfen es nicht sehen",
        lost_cycle="nennt sich selbst als Eingang",
        lost_unknown="(noch) nicht im Speicher",
        missing="{count} fehlen: {why}",
        value="Wert",
        no_value="kein Wert",
        value_expired="nicht mehr aufbewahrt; nur seine Herkunft",
        value_unknown="sein Knoten kennt ihn nicht",
        value_damaged="im Protokoll seines Knotens beschädigt",
        value_unreachable="sein Knoten antwortet jetzt nicht",
        values_unreachable=(
            "Einige Knoten antworten nicht, deshalb fehlen die Werte, die sie haben. Die Herkunft ist "
            "vollständig. Versuchen Sie es erneut, wenn die Knoten wieder da sind."
        ),
        metric="Messgröße",
        meter="Zähler",
        happened="Was geschah",
        node="Knoten",
        place="Ort",
        measured="Gemessen",
        received="Empfangen",
        made="Erzeugt",
        sent="Weitergesendet",
        stayed="Aufenthalt beim Knoten",
        application="Anwendung",
        class_name="Klasse",
        line="Zeile",
        step="Schritt",
        origin="Ursprung",
        origin_source="Sensor {stream}, Nummer {number}",
        origin_entry="aufgenommen in Protokoll {stream}, Satz {number}",
        origin_step="erzeugt in Protokoll {stream}, Satz {number}",
        trace="Trace",
        inputs="Entstand aus",
        outputs="Ging ein in",
        health_then="Zustand damals",
        part_node="Knoten",
        part_pipeline="Pipeline-Dienst",
        part_provenance="Provenance-Dienst",
        part_link="ausgehende Verbindung",
        hop="Zeit bis zur nächsten Karte",
        clocks="Die Uhren der beiden Knoten weichen stärker voneinander ab, als der Weg dauerte.",
        id="Kennung",
        own_lineage="Herkunft dieses Datenpunkts",
        group_title="Viele zusammen",
        chain_title="Unverändert weitergereicht",
        point_title="Ein Datenpunkt",
        period="Gemessen von",
        until="bis",
        more="und {count} weitere",
        saving="Die Datei wird vorbereitet …",
        saved="Gespeichert als {file}.",
        save_too_large=(
            "Die Herkunft hat zu viele Datenpunkte für eine Datei. Öffnen Sie über „Herkunft dieses "
            "Datenpunkts“ eine Karte näher an den Sensoren und speichern Sie diese."
        ),
        save_failed=(
            "Die Datei konnte nicht erstellt werden: Der Server antwortet nicht. Versuchen Sie es gleich noch einmal."
        ),
        crowded="Es werden nur etwa 200 Karten zugleich gezeichnet. Klappen Sie etwas zu, um dies zu öffnen.",
        refused=(
            "Das ist zu viel, um es hier zu zerlegen. Suchen Sie einzelne Messwerte stattdessen nach Zähler und Zeit."
        ),
        incomplete="Ein Teil hiervon wurde nicht rechtzeitig beantwortet. Diese Seite fragt von selbst erneut.",
        problem_malformed=(
            "„{id}“ ist keine Kennung. Eine Kennung hat 20 Zeichen, 0 bis 9 und a bis f. Prüfen Sie sie oder "
            "kopieren Sie sie dort neu, wo Sie sie gefunden haben."
        ),
        problem_unknown=(
            "Zur Kennung {id} ist nichts gespeichert. Wenn sie ganz neu ist, versuchen Sie es in einigen "
            "Sekunden erneut; sonst prüfen Sie die Kennung."
        ),
        problem_expired=(
            "{id} ist abgelaufen: Die Herkunft wurde gelöscht, weil sie nicht länger aufbewahrt wird. Wie "
            "lange, steht in der Topologie-Datei."
        ),
        problem_damaged=(
            "Der Eintrag zu {id} wurde beschädigt, wo er gespeichert war, und ist als verloren vermerkt. Was "
            "danach kam, lässt sich weiter verfolgen."
        ),
        problem_dropped=(
            "{id} wurde verworfen, weil ein voller Puffer keinen Platz hatte, und ist als verloren vermerkt."
        ),
        problem_gap="{id} ging verloren, bevor es weitergesendet wurde, und ist als verloren vermerkt.",
        problem_too_large=(
            "{id} ging in mehr Datenpunkte ein, als eine Antwort fasst. Lassen Sie weg, wohin es ging, oder "
            "fragen Sie bei einem Knoten näher am Ziel."
        ),
        problem_away="Der Server antwortet nicht. Diese Seite fragt von selbst erneut.",
    ),
}
