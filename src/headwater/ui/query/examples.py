"""Questions that are given with the page, by the names that `QueryTexts` has for them."""

EXAMPLES = {
    "newest": """\
SELECT id, node_name, meter, metric, timestamp, rtime, contribution
FROM provenance
ORDER BY id DESC
LIMIT 50""",
    "per_node": """\
SELECT node_name, count(*) AS points
FROM provenance
GROUP BY ALL
ORDER BY points DESC""",
    "per_second": """\
SELECT date_trunc('second', epoch_ms(rtime)) AS second, count(*) AS points
FROM provenance
WHERE rtime > epoch_ms(now()) - 600000
GROUP BY ALL
ORDER BY second""",
    "per_hop": """\
SELECT a.node_name || ' → ' || b.node_name AS hop, avg(b.rtime - a.rtime) AS ms
FROM provenance a JOIN provenance b ON b.inputs[1] = a.id
WHERE a.rtime > epoch_ms(now()) - 60000 AND b.rtime > epoch_ms(now()) - 60000
  AND b.contribution = 'simple'
GROUP BY ALL""",
    "by_code": """\
SELECT application, class, line, kind, count(*) AS points
FROM provenance
GROUP BY ALL
ORDER BY points DESC""",
}
