# SPDX-License-Identifier: GPL-2.0
"""What is in a dashboard of Grafana: dashboard.py FILE

Prints the query of each target, a line each, with a value for each variable; or says
what Grafana would not show, with status 1.
"""
import json
import re
import sys

VARIABLES = {"$__rate_interval": "5m", "$instance": ".*"}
bad = []


def check(right, what):
    if not right:
        bad.append(what)


with open(sys.argv[1], encoding="utf-8") as f:
    board = json.load(f)

check(board.get("id") is None, "an id of its own is another dashboard's elsewhere")
check(board.get("uid") and board.get("title"), "uid or title is missing")
# Grafana 9.0 has 36; what is older would be migrated
check(board.get("schemaVersion", 0) >= 36, "schemaVersion is of before Grafana 9")

variables = {v["name"]: v for v in board["templating"]["list"]}
source = variables.get("datasource", {})
check(source.get("type") == "datasource" and source.get("query") == "prometheus",
      "no variable for the data source")
OURS = {"type": "prometheus", "uid": "${datasource}"}
for v in variables.values():
    check(v["type"] == "datasource" or v.get("datasource") == OURS,
          "variable %s: another data source" % v["name"])

queries = []
taken = {}
ids = set()
for panel in board["panels"]:
    title = panel["title"]
    check(panel["id"] not in ids, "%s: its id is another's" % title)
    ids.add(panel["id"])
    check(panel["type"] in ("stat", "timeseries"), "%s: type %s" % (title, panel["type"]))
    check(panel.get("description"), "%s: no description" % title)
    check(panel["fieldConfig"]["defaults"].get("unit"), "%s: no unit" % title)
    at = panel["gridPos"]
    check(at["x"] + at["w"] <= 24, "%s: wider than the grid" % title)
    for cell in ((x, y) for x in range(at["x"], at["x"] + at["w"])
                 for y in range(at["y"], at["y"] + at["h"])):
        check(cell not in taken, "%s: over %s" % (title, taken.get(cell)))
        taken[cell] = title
    check(panel["targets"], "%s: no query" % title)
    refs = [target["refId"] for target in panel["targets"]]
    check(len(set(refs)) == len(refs), "%s: two queries of one name" % title)
    for target in panel["targets"]:
        check(panel["datasource"] == OURS and target["datasource"] == OURS,
              "%s: another data source" % title)
        query = target["expr"]
        for name, value in VARIABLES.items():
            query = query.replace(name, value)
        check("$" not in query, "%s: a variable that is not there: %s" % (title, query))
        queries.append(query)
for used in re.findall(r"\$\{?(\w+)", json.dumps(board)):
    check(used in variables or used == "__rate_interval", "no variable $%s" % used)

for what in sorted(set(bad)):
    print("dashboard: " + what)
if bad:
    sys.exit(1)
print("\n".join(queries))
