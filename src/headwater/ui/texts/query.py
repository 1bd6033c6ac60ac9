"""What the page of queries says."""

import msgspec

from headwater.ui.language import Texts


class QueryTexts(msgspec.Struct, frozen=True, kw_only=True):
    """The texts of the page."""

    title: str
    about: str
    about_cql: str
    language: str
    tables: str
    examples: str
    newest: str
    per_node: str
    per_second: str
    per_hop: str
    by_code: str
    own: str
    save: str
    name: str
    keep: str
    forget: str
    """With {name}."""
    not_kept: str
    sql: str
    cql: str
    run: str
    keys: str
    cancel: str
    values: str
    values_about: str
    running: str
    """With {seconds}."""
    waiting: str
    """With {seconds} and {count}."""
    cancelling: str
    rows_one: str
    rows_many: str
    """With {count} and {seconds}."""
    no_rows: str
    no_rows_cql: str
    truncated: str
    """With {count}."""
    truncated_cql: str
    """With {count}."""
    cancelled: str
    refused: str
    wrong_line: str
    """With {line}."""
    select: str
    time: str
    memory: str
    values_many: str
    busy: str
    away: str
    long_address: str
    views: str
    table: str
    chart: str
    json: str
    csv: str
    download: str
    copy: str
    copied: str
    part: str
    """With {count}."""
    over: str
    """What stands along the axis of a chart."""
    of: str
    no_chart: str
    chart_part: str
    """With {count}."""
    chart_about: str
    """With {of} and {over}."""
    nothing_yet: str


QUERY: Texts[QueryTexts] = {
    "en": QueryTexts(
        title="Query",
        about="One SELECT over the relation provenance: a row for every data point.",
        about_cql="One SELECT over a table of Cassandra that names a whole partition.",
        language="Language",
        tables="Tables",
        examples="Examples",
        newest="Newest 50",
        per_node="Points per node",
        per_second="Points per second",
        per_hop="Time per hop",
        by_code="Which code",
        own="Saved in this browser",
        save="Save",
        name="Name of the query",
        keep="Save it",
        forget="Delete {name}",
        not_kept="This browser keeps nothing: the query could not be saved. Its address can be kept as a bookmark.",
        sql="SQL",
        cql="CQL",
        run="Run",
        keys="or Ctrl+Enter",
        cancel="Cancel",
        values="With values",
        values_about="Values are kept by the nodes, which are asked for each data point that the query reads",
        running="Running for {seconds} s",
        waiting="Waiting for its turn for {seconds} s; {count} queries run or wait",
        cancelling="Cancelling …",
        rows_one="1 row in {seconds} s",
        rows_many="{count} rows in {seconds} s",
        no_rows="No data point answers this. Look at the conditions behind WHERE; times are milliseconds, UTC.",
        no_rows_cql="This partition has no such row. Look at the values behind WHERE.",
        truncated="Only the first {count} rows are here, there are more. Narrow the query down with WHERE or LIMIT, "
        "or take everything with headwater sql --all on the command line.",
        truncated_cql="Only the first {count} rows are here, there are more. Compare a clustering column with the last "
        "value to go on behind it.",
        cancelled="Cancelled: nothing of it runs on the server any more.",
        refused="The query cannot be run as it is.",
        wrong_line="Line {line} cannot be run as it is: what is wrong stands under it. Correct it and run "
        "the query again.",
        select="Only one SELECT can be asked: nothing here changes data.",
        time="It took too long and was stopped. Ask for less: conditions on timestamp, node or meter make it quick.",
        memory="It needs too much memory and was stopped. Ask for less at once, or group by fewer columns.",
        values_many="It asks for too many values. Narrow it down by time, node or meter, or leave the values out.",
        busy="The server has too many queries now. Try again in a few seconds.",
        away="The server does not answer. Nothing is lost here: run it again when it is back.",
        long_address="This query is too long for an address: save it to find it again.",
        views="Result as",
        table="Table",
        chart="Chart",
        json="JSON",
        csv="CSV",
        download="Download",
        copy="Copy",
        copied="Copied",
        part="The beginning; the download has all {count} characters.",
        over="Over",
        of="Show",
        no_chart="A chart needs a column of numbers and one of times or names. Add one to the SELECT.",
        chart_part="The first {count} bars; the table has all of them.",
        chart_about="{of} over {over}; the table has the same numbers",
        nothing_yet="Write a query, or choose an example.",
    ),
    "de": QueryTexts(
        title="Abfrage",
        about="Ein SELECT über die Relation provenance: eine Zeile für jeden Datenpunkt.",
        about_cql="Ein SELECT über eine Tabelle von Cassandra, das eine ganze Partition nennt.",
        language="Sprache",
        tables="Tabellen",
        examples="Beispiele",
        newest="Die neuesten 50",
        per_node="Datenpunkte je Knoten",
        per_second="Datenpunkte je Sekunde",
        per_hop="Zeit je Wegstück",
        by_code="Welcher Code",
        own="In diesem Browser gespeichert",
        save="Speichern",
        name="Name der Abfrage",
        keep="Sichern",
        forget="{name} löschen",
        not_kept="Dieser Browser behält nichts: Die Abfrage ließ sich nicht speichern. Ihre Adresse taugt als "
        "Lesezeichen.",
        sql="SQL",
        cql="CQL",
        run="Ausführen",
        keys="oder Strg+Eingabe",
        cancel="Abbrechen",
        values="Mit Werten",
        values_about="Die Werte liegen bei den Knoten; diese werden nach jedem Datenpunkt gefragt, den die Abfrage "
        "liest",
        running="Läuft seit {seconds} s",
        waiting="Wartet seit {seconds} s, bis sie an der Reihe ist; {count} Abfragen laufen oder warten",
        cancelling="Wird abgebrochen …",
        rows_one="1 Zeile in {seconds} s",
        rows_many="{count} Zeilen in {seconds} s",
        no_rows="Dazu gibt es keinen Datenpunkt. Prüfen Sie die Bedingungen hinter WHERE; Zeiten sind Millisekunden, "
        "UTC.",
        no_rows_cql="Diese Partition hat keine solche Zeile. Prüfen Sie die Werte hinter WHERE.",
        truncated="Hier stehen nur die ersten {count} Zeilen, es gibt mehr. Grenzen Sie die Abfrage mit WHERE oder "
        "LIMIT ein, oder holen Sie alles mit headwater sql --all auf der Kommandozeile.",
        truncated_cql="Hier stehen nur die ersten {count} Zeilen, es gibt mehr. Vergleichen Sie eine Clustering-Spalte "
        "mit dem letzten Wert, um dahinter fortzufahren.",
        cancelled="Abgebrochen: Auf dem Server läuft nichts mehr davon.",
        refused="So lässt sich die Abfrage nicht ausführen.",
        wrong_line="Zeile {line} lässt sich so nicht ausführen: Was falsch ist, steht darunter. Berichtigen Sie es "
        "und führen Sie die Abfrage noch einmal aus.",
        select="Möglich ist nur ein einzelnes SELECT: Hier werden keine Daten verändert.",
        time="Sie dauerte zu lange und wurde beendet. Fragen Sie nach weniger: Bedingungen an timestamp, node oder "
        "meter machen sie schnell.",
        memory="Sie braucht zu viel Speicher und wurde beendet. Fragen Sie nach weniger auf einmal, oder gruppieren "
        "Sie nach weniger Spalten.",
        values_many="Sie fragt nach zu vielen Werten. Grenzen Sie sie nach Zeit, Knoten oder Zähler ein, oder lassen "
        "Sie die Werte weg.",
        busy="Der Server hat gerade zu viele Abfragen. Versuchen Sie es in einigen Sekunden noch einmal.",
        away="Der Server antwortet nicht. Hier geht nichts verloren: Führen Sie die Abfrage wieder aus, wenn er "
        "zurück ist.",
        long_address="Diese Abfrage ist zu lang für eine Adresse: Speichern Sie sie, um sie wiederzufinden.",
        views="Ergebnis als",
        table="Tabelle",
        chart="Diagramm",
        json="JSON",
        csv="CSV",
        download="Herunterladen",
        copy="Kopieren",
        copied="Kopiert",
        part="Der Anfang; heruntergeladen werden alle {count} Zeichen.",
        over="Über",
        of="Zeige",
        no_chart="Ein Diagramm braucht eine Spalte mit Zahlen und eine mit Zeiten oder Namen. Nehmen Sie eine in das "
        "SELECT auf.",
        chart_part="Die ersten {count} Balken; die Tabelle enthält alle.",
        chart_about="{of} über {over}; die Tabelle enthält dieselben Zahlen",
        nothing_yet="Schreiben Sie eine Abfrage, oder wählen Sie ein Beispiel.",
    ),
}
