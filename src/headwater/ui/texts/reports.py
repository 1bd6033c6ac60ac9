"""What the page of reports says."""

import msgspec

from headwater.ui.language import Texts


class ReportsTexts(msgspec.Struct, frozen=True, kw_only=True):
    """The texts of the page."""

    title: str
    drill: str
    drill_about: str
    disabled: str
    disabled_then: str
    what: str
    one: str
    failures: str
    random: str
    all: str
    """Scenarios."""
    kind: str
    where: str
    lasts: str
    start: str
    stop: str
    stopping: str
    running: str
    """With {done} and {count}."""
    begins: str
    ends: str
    done: str
    stopped: str
    failed: str
    """How a run ended; the last with {problem}."""
    other_run: str
    refused: str
    away: str
    faults: str
    fault: str
    detected: str
    told: str
    recovered: str
    before: str
    inside: str
    healed: str
    """Stages of a fault."""
    not_detected: str
    nothing_to_detect: str
    right: str
    wrong: str
    """With {what}."""
    not_put_in: str
    """With {problem}."""
    not_recovered: str
    seconds: str
    """With {seconds}."""
    reports: str
    none: str
    none_then: str
    download: str
    gone: str
    unreadable: str
    injected: str
    detected_count: str
    wrong_kind: str
    min: str
    p50: str
    p95: str
    p99: str
    max: str
    recovery_p50: str
    recovery_max: str
    kinds: str
    ways: str
    begun: str
    lasted: str
    false_alarms: str
    readings_lost: str
    undelivered: str
    delivered: str
    seed: str
    all_faults: str
    part: str
    value: str


REPORTS: Texts[ReportsTexts] = {
    "en": ReportsTexts(
        title="Reports",
        drill="Failure drill",
        drill_about="This really breaks parts of the running grid, one after another, heals each again and times how "
        "it is told. Readings are delayed meanwhile, not lost.",
        disabled="Failures on purpose are not allowed here. Whoever runs the grid allows them in its topology file "
        "and starts it again with headwater up:",
        disabled_then="The server must listen on this machine alone then, for whoever reaches it can stop every "
        "process.",
        what="What",
        one="One fault",
        failures="Every kind of failure, three times",
        random="20 failures by chance",
        all="Every kind of fault, twice",
        kind="Fault",
        where="At node",
        lasts="For seconds, at most",
        start="Start",
        stop="Stop and heal",
        stopping="Healing …",
        running="Under way: {done} of {count} faults are over",
        begins="Waiting until everything is well",
        ends="Waiting until everything is delivered",
        done="Finished: {done} of {count} faults. The report is in the list below.",
        stopped="Stopped and healed after {done} of {count} faults. The report is in the list below.",
        failed="The run could not go on: {problem}",
        other_run="A run is under way already, it is shown here. Stop it first, or wait for its end.",
        refused="The server does not take this.",
        away="The server does not answer. Whatever was broken heals by itself when it is gone; try again when it is "
        "back.",
        faults="Faults of this run, newest first",
        fault="Fault",
        detected="Detected after",
        told="Told",
        recovered="Recovered after",
        before="comes next",
        inside="not healed yet",
        healed="recovering …",
        not_detected="not detected",
        nothing_to_detect="nothing to tell",
        right="right",
        wrong="wrong: {what}",
        not_put_in="could not be put in: {problem}",
        not_recovered="not recovered",
        seconds="{seconds} s",
        reports="Reports of benchmarks and drills",
        none="There are no reports yet. Drills write theirs by themselves; a benchmark does it into the folder "
        "reports of the server's data folder:",
        none_then="Any file of JSON there is listed here.",
        download="Download",
        gone="This report is not there any more. Choose another from the list.",
        unreadable="This report cannot be shown: {problem}",
        injected="Faults",
        detected_count="Detected",
        wrong_kind="Told wrongly",
        min="Fastest",
        p50="Median",
        p95="95 %",
        p99="99 %",
        max="Slowest",
        recovery_p50="Recovery, median",
        recovery_max="Recovery, slowest",
        kinds="By what has to be told, times in seconds",
        ways="By kind of fault, times in seconds",
        begun="Begun",
        lasted="Lasted",
        false_alarms="False alarms",
        readings_lost="Readings lost",
        undelivered="Not delivered at the end",
        delivered="Readings passed on",
        seed="Seed",
        all_faults="Every fault",
        part="Part",
        value="Value",
    ),
    "de": ReportsTexts(
        title="Berichte",
        drill="Ausfallübung",
        drill_about="Hier wird das laufende Netz wirklich beschädigt, ein Teil nach dem anderen, jeder wird wieder "
        "geheilt, und gemessen wird, wie es gemeldet wird. Messwerte verspäten sich dabei, verloren gehen sie nicht.",
        disabled="Absichtliche Ausfälle sind hier nicht erlaubt. Wer das Netz betreibt, erlaubt sie in der "
        "Topologie-Datei und startet es mit headwater up neu:",
        disabled_then="Der Server darf dann nur auf diesem Rechner erreichbar sein, denn wer ihn erreicht, kann jeden "
        "Prozess anhalten.",
        what="Was",
        one="Ein einzelner Fehler",
        failures="Jede Art von Ausfall, dreimal",
        random="20 zufällige Ausfälle",
        all="Jede Art von Fehler, zweimal",
        kind="Fehler",
        where="Bei Knoten",
        lasts="Höchstens Sekunden",
        start="Starten",
        stop="Anhalten und heilen",
        stopping="Wird geheilt …",
        running="Läuft: {done} von {count} Fehlern sind vorbei",
        begins="Wartet, bis alles in Ordnung ist",
        ends="Wartet, bis alles zugestellt ist",
        done="Beendet: {done} von {count} Fehlern. Der Bericht steht unten in der Liste.",
        stopped="Angehalten und geheilt nach {done} von {count} Fehlern. Der Bericht steht unten in der Liste.",
        failed="Die Übung konnte nicht weitergehen: {problem}",
        other_run="Es läuft schon eine Übung, sie ist hier zu sehen. Halten Sie sie erst an, oder warten Sie ihr Ende "
        "ab.",
        refused="Das nimmt der Server nicht an.",
        away="Der Server antwortet nicht. Was beschädigt war, heilt von selbst, wenn er fort ist; versuchen Sie es "
        "wieder, wenn er zurück ist.",
        faults="Fehler dieser Übung, neueste zuerst",
        fault="Fehler",
        detected="Erkannt nach",
        told="Gemeldet",
        recovered="Erholt nach",
        before="kommt als Nächstes",
        inside="noch nicht geheilt",
        healed="erholt sich …",
        not_detected="nicht erkannt",
        nothing_to_detect="nichts zu melden",
        right="richtig",
        wrong="falsch: {what}",
        not_put_in="ließ sich nicht herbeiführen: {problem}",
        not_recovered="nicht erholt",
        seconds="{seconds} s",
        reports="Berichte von Leistungsmessungen und Übungen",
        none="Es gibt noch keine Berichte. Übungen schreiben ihre von selbst; eine Leistungsmessung tut es in den "
        "Ordner reports im Datenordner des Servers:",
        none_then="Jede JSON-Datei dort steht hier in der Liste.",
        download="Herunterladen",
        gone="Diesen Bericht gibt es nicht mehr. Wählen Sie einen anderen aus der Liste.",
        unreadable="Dieser Bericht lässt sich nicht anzeigen: {problem}",
        injected="Fehler",
        detected_count="Erkannt",
        wrong_kind="Falsch gemeldet",
        min="Schnellste",
        p50="Median",
        p95="95 %",
        p99="99 %",
        max="Langsamste",
        recovery_p50="Erholung, Median",
        recovery_max="Erholung, längste",
        kinds="Nach dem, was zu melden ist, Zeiten in Sekunden",
        ways="Nach Art des Fehlers, Zeiten in Sekunden",
        begun="Begonnen",
        lasted="Dauer",
        false_alarms="Fehlalarme",
        readings_lost="Verlorene Messwerte",
        undelivered="Am Ende nicht zugestellt",
        delivered="Weitergegebene Messwerte",
        seed="Startwert",
        all_faults="Jeder Fehler",
        part="Teil",
        value="Wert",
    ),
}

KINDS: Texts[dict[str, str]] = {
    "en": {
        "kill-node": "Node dies",
        "kill-pipeline": "Pipeline daemon dies",
        "kill-provenance": "Provenance daemon dies",
        "pause-node": "Node hangs",
        "pause-pipeline": "Pipeline daemon hangs",
        "pause-provenance": "Provenance daemon hangs",
        "cut-link": "Link swallows everything",
        "refuse-link": "Link is refused",
        "slow-link": "Link is slow",
        "wrong-next-hop": "Wrong next hop",
        "full-log": "Log is full",
        "corrupt-log": "Log is damaged",
        "skew-clock": "Clock is wrong",
    },
    "de": {
        "kill-node": "Knoten stirbt",
        "kill-pipeline": "Pipeline-Dienst stirbt",
        "kill-provenance": "Provenance-Dienst stirbt",
        "pause-node": "Knoten hängt",
        "pause-pipeline": "Pipeline-Dienst hängt",
        "pause-provenance": "Provenance-Dienst hängt",
        "cut-link": "Verbindung verschluckt alles",
        "refuse-link": "Verbindung wird abgelehnt",
        "slow-link": "Verbindung ist langsam",
        "wrong-next-hop": "Falsches nächstes Ziel",
        "full-log": "Log ist voll",
        "corrupt-log": "Log ist beschädigt",
        "skew-clock": "Uhr geht falsch",
    },
}
"""Kinds of faults by their names."""

PARTS: Texts[dict[str, str]] = {
    "en": {"node": "Node", "link": "Link", "pipeline": "Pipeline daemon", "provenance": "Provenance daemon"},
    "de": {"node": "Knoten", "link": "Verbindung", "pipeline": "Pipeline-Dienst", "provenance": "Provenance-Dienst"},
}
"""What has to be told of faults, by the names in a report."""
