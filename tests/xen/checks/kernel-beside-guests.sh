# Those of our own packet tests that this machine has time for, when it is done with the guests.
share=tests-beside-guests
. $here/kernel.sh
