#!/bin/bash
# Runs in dom0: our program in the place of Xen's scripts, called by the stock xl, with real guests.
# Prints a line `ok WHAT` or `FAILED WHAT` for each check, details below the failed ones, and at last `end`.
# run.sh [PART...]: only these, in this order; each relies on `install` and, but for `kernel…`, on those before it.
. /lab/lib.sh
set -u
here=/mnt/host/checks
. $here/lib.sh
. $here/frames.sh
[ $# -gt 0 ] || set -- install network guests spoofing plugging bridges modes uplinks switch refusals stop storage kernel
for part; do
  # It tells by itself, test by test.
  [[ "$part" = kernel* ]] || ! late || { skipped "$part" "this machine is too slow: no time was left for it"; continue; }
  start=$(lab_now)
  . $here/$part.sh
  echo "# $part: $(lab_since "$start") s"
done
echo end
[ "$failures" = 0 ]
