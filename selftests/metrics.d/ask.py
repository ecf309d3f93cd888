# SPDX-License-Identifier: GPL-2.0
"""Put queries to a Prometheus.

ask.py URL < QUERIES	one a line: prints "QUERY => VALUE...", the values by their
			series' labels, or "no series", or the error: status 1
ask.py URL --unit JOB METRIC UNIT
			that is the metric's unit there
ask.py URL --alert NAME TEXT
			it fires, with the text in its description; and in what is said
			by any alert all is filled in
"""
import json
import sys
import urllib.error
import urllib.parse
import urllib.request

# a proxy of the environment is not for the loopback
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def get(path, **arguments):
    where = sys.argv[1] + path + "?" + urllib.parse.urlencode(arguments)
    try:
        with opener.open(where, timeout=10) as answer:
            return json.load(answer)["data"]
    except urllib.error.HTTPError as e:
        raise ValueError(json.load(e).get("error", str(e))) from e
    except (OSError, json.JSONDecodeError) as e:
        raise ValueError(str(e)) from e


def ask(query):
    found = get("/api/v1/query", query=query)["result"]
    found.sort(key=lambda series: sorted(series["metric"].items()))
    return " ".join(series["value"][1] for series in found) or "no series"


def unit(job, metric, want):
    for one in get("/api/v1/targets/metadata", metric=metric):
        if one["target"]["job"] == job and one["unit"] == want:
            return
    sys.exit("%s of %s is not in %s" % (metric, job, want))


def alert(name, text):
    seen = False
    for one in get("/api/v1/alerts")["alerts"]:
        said = " ".join(one["annotations"].values())
        if one["labels"]["instance"] not in said or "<no value>" in said:
            sys.exit("%s: %s" % (one["labels"], said))
        if one["labels"]["alertname"] == name and one["state"] == "firing":
            seen = seen or text in one["annotations"]["description"]
    if not seen:
        sys.exit("%s does not say: %s" % (name, text))


if sys.argv[2:3] == ["--unit"]:
    unit(*sys.argv[3:])
elif sys.argv[2:3] == ["--alert"]:
    alert(*sys.argv[3:])
else:
    status = 0
    for line in sys.stdin.read().splitlines():
        try:
            print("%s => %s" % (line, ask(line)))
        except ValueError as e:
            print("%s => error: %s" % (line, e))
            status = 1
    sys.exit(status)
