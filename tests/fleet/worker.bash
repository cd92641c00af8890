#!/bin/bash
# A worker: notes its start, and whether another worker of this folder is alive (the lock is kept by all that comes of
# it), and goes on as the demo agent. Arguments: the session, the program, and what the demo agent is to be told.
exec 9>>alive
if flock -n 9; then beside=alone; else beside=beside-another; fi
echo "$1 $beside" >>starts
exec "$2" demo-agent --transcript ".demo-agent/$1.jsonl" "${@:3}"
