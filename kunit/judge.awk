# SPDX-License-Identifier: GPL-2.0
# awk -v results=FILE -f judge.awk PLAN LOG
#
# What became of each case of the plan ("suite case plain|param"), by the KTAP in
# a kernel's log. Prints "ok CASE" or "not ok CASE" in the plan's order, after
# lines of "# " with what the log says of a failure; then "stray TEXT" for what is
# wrong with no case. FILE gets a line for each result that has none below it.

function put(line) { if (++lines <= 60) text = text "# " line "\n" }
function take(t) { t = text; text = ""; lines = 0; return t }

# KTAP names a case when it is over: what was said last is by the first one that
# has no result.
function blame(suite, i)
{
	for (i = 1; i <= n && text != ""; i++)
		if ((suite == "" || of[i] == suite) && !seen[id[i]])
			reason[id[i]] = reason[id[i]] take()
	take()
}

function stray(what) { strays = strays "stray " what "\n" }

FNR == NR {
	id[++n] = $1 "." $2
	of[n] = $1
	parameterised[id[n]] = $3 == "param"
	next
}

# what has no time stamp is not the kernel's
!sub(/^\[ *[0-9]+\.[0-9]+\](\[ *[CT][0-9]+\])? /, "") { next }

/^KTAP version / || /^perfmlock: the suites as a module/ {
	begun = 1
	take()
}
!begun { next }
{ sub(/[ \r]+$/, "") }

match($0, /perfmlock_[a-z0-9_]+: plan: /) {
	split(substr($0, RSTART), word, / +/)
	key = substr(word[1], 1, length(word[1]) - 1) "." word[3]
	if (!(key in parameterised))
		stray("a plan for " key ", which is no case")
	want[key] = word[4]
	next
}

/^ *KTAP version / || /^reboot: / || /^ *1\.\.[0-9]+$/ || /^ *# module: / { next }
/^ *# [^ ]+: pass:[0-9]+ fail:/ { next }
/^    # Subtest: / { suite = $3; take(); next }
/^        # Subtest: / { test = $3; next }

!/^ *(not )?ok [0-9]+ / { put($0); next }

{
	match($0, /^ */)
	depth = RLENGTH
	status = $1 == "ok" ? "ok" : "not ok"
	line = $0
	skip = ""
	if (match($0, / *# SKIP.*/)) {
		skip = substr($0, RSTART)
		$0 = substr($0, 1, RSTART - 1)
	}
	sub(/^ *(not )?ok [0-9]+ (- )?/, "")
	name = $0
}

depth >= 8 {
	params[suite "." test]++
	print status, suite "." test "." name > results
	if (status != "ok")
		put(line)
	next
}

depth >= 4 {
	key = suite "." name
	if (seen[key]++ == 0)
		verdict[key] = status skip
	if (!(key in parameterised))
		stray("a result of " key ", which no source has")
	if (!params[key])
		print (skip ? "skip" : status), key > results
	if (status != "ok")
		reason[key] = take()
	take()
	next
}

{
	blame(name)
	ended[name] = status
	suite = ""
}

END {
	blame(suite)
	for (i = 1; i <= n; i++) {
		key = id[i]
		wrong = ""
		if (!seen[key])
			wrong = "no result"
		else if (seen[key] > 1)
			wrong = seen[key] " results"
		else if (parameterised[key] && !params[key] && verdict[key] == "ok")
			wrong = "not one parameter"
		if (key in want && params[key] != want[key])
			wrong = params[key] + 0 " parameters, and its plan is " want[key]
		if (wrong != "")
			printf "%s# %s\nnot ok %s\n", reason[key], wrong, key
		else if (verdict[key] ~ /^ok/)
			print "ok " key substr(verdict[key], 3)
		else
			printf "%snot ok %s\n", reason[key], key
		if (wrong != "" || verdict[key] !~ /^ok/)
			failed[of[i]] = 1
	}
	for (i = 1; i <= n; i++) {
		if (of[i] in told)
			continue
		told[of[i]] = 1
		if (!(of[i] in ended))
			stray("suite " of[i] " did not come to its end")
		else if (ended[of[i]] != "ok" && !failed[of[i]])
			stray("suite " of[i] " failed, and none of its cases")
	}
	printf "%s", strays
}
