"""What the page of a node says."""

import msgspec

from headwater.ui.language import Texts


class NodeTexts(msgspec.Struct, frozen=True, kw_only=True):
    """The texts of a node's page."""

    back: str
    since: str
    """With {time}."""
    health: str
    window: str
    hour: str
    day: str
    ago_hour: str
    ago_day: str
    now: str
    node: str
    pipeline: str
    provenance: str
    link: str
    link_to: str
    """Parts of a node; with {target}."""
    because: str
    """With {cause}."""
    doubt: str
    """With {doubt}."""
    not_known: str
    changes: str
    """With {count}."""
    changes_list: str
    changes_none: str
    rates: str
    receives: str
    sends: str
    chart: str
    received: str
    sent: str
    backlog: str
    unshipped: str
    refused: str
    dropped: str
    redis: str
    troubles: str
    links: str
    link_in: str
    link_out: str
    passed_on: str
    delivered: str
    buffered: str
    rate: str
    oldest: str
    links_none: str
    books_none: str
    books: str
    clocks: str
    clock: str
    """With {offset} and {trip}."""
    clock_ahead: str
    clock_behind: str
    """With {ms}."""
    clocks_none: str
    settings: str
    metrics: str
    metrics_all: str
    location: str
    steps: str
    steps_none: str
    next: str
    next_none: str
    when_full: str
    block: str
    drop_oldest: str
    listen: str
    agent: str
    with_provenance: str
    yes: str
    no: str
    application: str
    newest: str
    pause: str
    go_on: str
    held: str
    fresh: str
    """With {time}."""
    points_none: str
    points_away: str
    unknown: str
    unknown_next: str
    """No node of this id or name, with {id}."""
    gone: str
    gone_next: str
    forget: str
    forget_title: str
    forget_what: str
    forget_yes: str
    forget_no: str
    forget_refused: str
    forget_failed: str
    to_grid: str


NODE: Texts[NodeTexts] = {
    "en": NodeTexts(
        back="Grid",
        since="since {time}",
        health="Health",
        window="How far back",
        hour="Hour",
        day="Day",
        ago_hour="1 hour ago",
        ago_day="24 hours ago",
        now="now",
        node="Node",
        pipeline="Pipeline daemon",
        provenance="Provenance daemon",
        link="Outgoing link",
        link_to="Link to {target}",
        because="because of: {cause}",
        doubt="or it is: {doubt}",
        not_known="not known",
        changes="All changes ({count})",
        changes_list="All changes of health, newest first",
        changes_none="Nothing has changed yet.",
        rates="Readings per second",
        receives="Receives",
        sends="Sends",
        chart="Rates over the last ten minutes; the numbers above are the current ones",
        received="Received in all",
        sent="Sent in all",
        backlog="Records waiting for the next hop",
        unshipped="Records not yet in the store",
        refused="Refused",
        dropped="Dropped",
        redis="Redis",
        troubles="Cannot reach",
        links="Links",
        link_in="in",
        link_out="out",
        passed_on="Sent",
        delivered="Delivered",
        buffered="Waiting",
        rate="Per second",
        oldest="Oldest waiting",
        links_none="This node has no links: nothing sends to it, and it sends to nobody.",
        books_none="Its source has not told its books yet.",
        books="sent = delivered + waiting + dropped, in readings since the log of the source began",
        clocks="Clocks of neighbours",
        clock="{offset}, round trip {trip} ms",
        clock_ahead="{ms} ms ahead",
        clock_behind="{ms} ms behind",
        clocks_none="No neighbour has answered yet.",
        settings="Settings",
        metrics="Records of each reading",
        metrics_all="shown with the first data point",
        location="Place",
        steps="Steps",
        steps_none="none, readings pass as they are",
        next="Next hop",
        next_none="none, this is an endpoint",
        when_full="When its log is full",
        block="takes nothing in until there is room",
        drop_oldest="drops the oldest readings that are not sent",
        listen="Listens on",
        agent="Provenance daemon",
        with_provenance="Keeps provenance",
        yes="yes",
        no="no",
        application="Application",
        newest="Newest data points",
        pause="Pause",
        go_on="Go on",
        held="Held while you are in the table",
        fresh="As of {time}",
        points_none="Nothing has gone through this node yet. Data points appear here by themselves as soon as "
        "sensors or other nodes send to it.",
        points_away="The newest data points cannot be read at present. This page tries again by itself.",
        unknown="There is no node “{id}”.",
        unknown_next="Look for it on the grid: every node is listed there.",
        gone="This node was taken out of the grid.",
        gone_next="Its data points and its history stay and are shown below. "
        "It comes back by itself as soon as it reports again.",
        forget="Forget this node",
        forget_title="Forget {name}?",
        forget_what="Do this when the node is gone for good. It is no longer judged or shown on the grid, "
        "and its alarm ends. Its provenance and its values stay. It comes back by itself when it reports again.",
        forget_yes="Forget it",
        forget_no="Cancel",
        forget_refused="It cannot be forgotten now: {why}",
        forget_failed="The server did not answer. Try again in a moment.",
        to_grid="To the grid",
    ),
    "de": NodeTexts(
        back="Netz",
        since="seit {time}",
        health="Zustand",
        window="Wie weit zurück",
        hour="Stunde",
        day="Tag",
        ago_hour="vor 1 Stunde",
        ago_day="vor 24 Stunden",
        now="jetzt",
        node="Knoten",
        pipeline="Pipeline-Dienst",
        provenance="Provenance-Dienst",
        link="Ausgehende Verbindung",
        link_to="Verbindung nach {target}",
        because="wegen: {cause}",
        doubt="oder es ist: {doubt}",
        not_known="nicht bekannt",
        changes="Alle Änderungen ({count})",
        changes_list="Alle Änderungen des Zustands, neueste zuerst",
        changes_none="Noch hat sich nichts geändert.",
        rates="Messwerte pro Sekunde",
        receives="Empfängt",
        sends="Sendet",
        chart="Raten der letzten zehn Minuten; die Zahlen darüber sind die aktuellen",
        received="Insgesamt empfangen",
        sent="Insgesamt gesendet",
        backlog="Einträge, die auf den nächsten Knoten warten",
        unshipped="Einträge, die noch nicht im Speicher sind",
        refused="Abgelehnt",
        dropped="Verworfen",
        redis="Redis",
        troubles="Nicht erreichbar",
        links="Verbindungen",
        link_in="herein",
        link_out="hinaus",
        passed_on="Gesendet",
        delivered="Zugestellt",
        buffered="Warten",
        rate="Pro Sekunde",
        oldest="Ältester wartet",
        links_none="Dieser Knoten hat keine Verbindungen: Keiner sendet an ihn, und er sendet an keinen.",
        books_none="Die Quelle hat ihre Bilanz noch nicht gemeldet.",
        books="gesendet = zugestellt + warten + verworfen, in Messwerten seit Beginn des Protokolls der Quelle",
        clocks="Uhren der Nachbarn",
        clock="{offset}, hin und zurück {trip} ms",
        clock_ahead="geht {ms} ms vor",
        clock_behind="geht {ms} ms nach",
        clocks_none="Noch hat kein Nachbar geantwortet.",
        settings="Einstellungen",
        metrics="Hält zu jedem Messwert fest",
        metrics_all="wird mit dem ersten Datenpunkt angezeigt",
        location="Ort",
        steps="Schritte",
        steps_none="keine, Messwerte gehen unverändert durch",
        next="Nächster Knoten",
        next_none="keiner, dies ist ein Endpunkt",
        when_full="Wenn das Protokoll voll ist",
        block="nimmt nichts an, bis wieder Platz ist",
        drop_oldest="verwirft die ältesten nicht gesendeten Messwerte",
        listen="Lauscht auf",
        agent="Provenance-Dienst",
        with_provenance="Führt Herkunft mit",
        yes="ja",
        no="nein",
        application="Anwendung",
        newest="Neueste Datenpunkte",
        pause="Anhalten",
        go_on="Fortsetzen",
        held="Angehalten, solange Sie in der Tabelle sind",
        fresh="Stand {time}",
        points_none="Durch diesen Knoten ist noch nichts gegangen. Datenpunkte erscheinen hier von selbst, sobald "
        "Sensoren oder andere Knoten an ihn senden.",
        points_away="Die neuesten Datenpunkte lassen sich gerade nicht lesen. "
        "Diese Seite versucht es von selbst wieder.",
        unknown="Einen Knoten „{id}“ gibt es nicht.",
        unknown_next="Suchen Sie ihn im Netz: Dort sind alle Knoten aufgeführt.",
        gone="Dieser Knoten wurde aus dem Netz genommen.",
        gone_next="Seine Datenpunkte und seine Geschichte bleiben und stehen unten. "
        "Er kehrt von selbst zurück, sobald er sich wieder meldet.",
        forget="Diesen Knoten vergessen",
        forget_title="{name} vergessen?",
        forget_what="Tun Sie das, wenn der Knoten endgültig außer Betrieb ist. Er wird nicht mehr beurteilt und nicht "
        "mehr im Netz gezeigt, und sein Alarm endet. Seine Herkunftsdaten und Werte bleiben. Er kehrt von selbst "
        "zurück, wenn er sich wieder meldet.",
        forget_yes="Vergessen",
        forget_no="Abbrechen",
        forget_refused="Er kann jetzt nicht vergessen werden: {why}",
        forget_failed="Der Server hat nicht geantwortet. Bitte versuchen Sie es gleich noch einmal.",
        to_grid="Zum Netz",
    ),
}
