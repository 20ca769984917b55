# What the checks share: telling what came out, asking guests, waiting.
failures=0

# check WHAT COMMAND...: tells whether the command succeeds, and how long it took; what it printed when it does not
check() {
  local what=$1 output status start=${EPOCHREALTIME/./}; shift
  output=$("$@" 2>&1); status=$?
  what+=" ($(((${EPOCHREALTIME/./} - start) / 1000)) ms)"
  if [ $status = 0 ]; then echo "ok $what"; else
    echo "FAILED $what"; failures=$((failures + 1))
    sed 's/^/    /' <<<"status $status of: $*"$'\n'"$output"
  fi
}

# refused WHAT SENTENCE COMMAND...: tells whether the command fails, and says why with this sentence (a pattern of grep -E)
refused() {
  local what=$1 sentence=$2; shift 2
  check "$what" fails_saying "$sentence" "$@"
}
fails_saying() {
  local sentence=$1 output; shift
  if output=$("$@" 2>&1); then echo "it did not fail"; echo "$output"; return 1; fi
  grep -qE -- "$sentence" <<<"$output" || { echo "it failed, but did not say: $sentence"; echo "$output"; return 1; }
}

# skipped WHAT WHY: tells what is not checked
skipped() { echo "SKIPPED $1: $2"; }

# late: no time is left to begin anything. The emulator may be slower than it should be, and all of it has a limit.
late() { [ $SECONDS -ge "$(cat /mnt/host/deadline 2>/dev/null || echo 1000000)" ]; }

# same EXPECTED COMMAND...: the command prints exactly this
same() {
  local expected=$1 output; shift
  output=$("$@" 2>&1)
  [ "$output" = "$expected" ] || { diff <(echo "$expected") <(echo "$output") | sed 's/^</expected/; s/^>/found   /'; return 1; }
}

# eventually SECONDS COMMAND...: the command succeeds within this time
eventually() {
  local end=$((SECONDS + $1)); shift
  until "$@" >/tmp/eventually 2>&1; do
    [ $SECONDS -lt $end ] || { cat /tmp/eventually; return 1; }
    sleep 0.3
  done
}

silent() { local output; output=$("$@" 2>&1); [ -z "$output" ] || { echo "$output"; return 1; }; }
absent() { ! "$@"; }

# in_wire COMMAND...: at the other end of the cable, where the gateway is
in_wire() { ip netns exec wire "$@"; }

# show FILTER: what `dom0net show --json` says, through jq
show() { dom0net show --json | jq -r "$1"; }

# vif NAME [DEVID] FIELD: a field of a guest's vif, as in vif web .guard.in_force
vif() {
  local devid=0; [ $# -lt 3 ] || { devid=$2; set -- "$1" "$3"; }
  show ".domains[] | select(.name == \"$1\").vifs[] | select(.devid == $devid) | $2"
}

# dropped NAME REASON: how many frames of the guest the guard has dropped for this reason
dropped() { vif "$1" ".guard.dropped[\"$2\"] // 0"; }

# node NAME DEVID NODE: a node of a guest's vif in xenstore
node() { xenstore-read "/local/domain/0/backend/vif/$(xl domid "$1")/$2/$3"; }
