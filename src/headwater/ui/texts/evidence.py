"""What the judge says of health, in other languages: its sentences as patterns, and how each is said in German.

`{s}` stands for seconds, `{inner}` for another sentence of these, `{text}` for words that are as they are everywhere.
"""

GERMAN = {
    # of the way to the server
    "nodes report": "Knoten melden sich",
    "the store has taken no stamps for {s}": "der Speicher hat seit {s} keine Stempel angenommen",
    "no node has reported for {s}": "seit {s} hat sich kein Knoten gemeldet",
    # of nodes
    "it reports": "er meldet sich",
    "not heard on any path for {s}": "seit {s} auf keinem Weg gehört",
    "silent on every path for {s}": "seit {s} auf allen Wegen still",
    "{inner}, as all nodes are": "{inner}, wie alle Knoten",
    "unreachable: {inner}, and no second path to tell": "nicht erreichbar: {inner}; einen zweiten Weg gibt es nicht",
    # of pipeline daemons
    "no progress for {s}": "seit {s} kein Fortschritt",
    "what came in has waited {s} to become durable": "was ankam, wartet seit {s} darauf, gesichert zu werden",
    "takes nothing in since {s}: its log is full": "nimmt seit {s} nichts an: Sein Protokoll ist voll",
    "it makes progress": "er kommt voran",
    # of provenance daemons
    "stamps have waited {s} to be shipped": "Stempel warten seit {s} auf ihren Versand",
    "{inner}, as those of all nodes": "{inner}, wie die aller Knoten",
    "no report for {s}": "seit {s} kein Bericht",
    "it reports and ships": "er berichtet und versendet",
    "{inner}, as of all nodes": "{inner}, wie von allen Knoten",
    "it beats, but has not reported for {s}": "er gibt Lebenszeichen, hat aber seit {s} nicht berichtet",
    "no beats or reports for {s}": "seit {s} weder Lebenszeichen noch Berichte",
    "{inner}, but its pipeline daemon answers": "{inner}, aber der Pipeline-Dienst des Knotens antwortet",
    # of links
    "nothing passes for {s}": "seit {s} kommt nichts durch",
    "nothing was acknowledged for {s}": "seit {s} wurde nichts bestätigt",
    "data passes, but no beats for {s}": "Daten kommen durch, aber seit {s} keine Lebenszeichen",
    "it passes data": "sie überträgt Daten",
    "{inner} ({text}": "{inner} ({text}",
    # of all
    "recovering: {inner}": "erholt sich: {inner}",
    "not judged: {inner}": "nicht beurteilt: {inner}",
    "nobody tells of it any longer": "niemand berichtet mehr davon",
    "forgotten: it is gone on purpose": "vergessen, weil absichtlich außer Betrieb",
    "the judge has not looked for {s}": "seit {s} wurde nicht geprüft",
    "the judge has not looked at it yet": "noch nicht geprüft",
    # doubts
    "the way to the server, or all nodes": "der Weg zum Server oder alle Knoten",
    "node or link": "Knoten oder Verbindung",
    "node or pipeline daemon": "Knoten oder Pipeline-Dienst",
    "node or provenance daemon": "Knoten oder Provenance-Dienst",
    "provenance daemon or server": "Provenance-Dienst oder Server",
    "link, or what is behind it": "Verbindung oder was dahinter liegt",
    "link or an end of it": "Verbindung oder eines ihrer Enden",
}
