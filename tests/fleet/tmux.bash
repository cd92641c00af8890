#!/bin/bash
# tmux, but for one client: the first whose arguments hold the text in the file `hold` waits until it is let go.
# Arguments before tmux's own come from the wrapper that a test writes: the folder of these files, and the real tmux.
dir=$1 tmux=$2
shift 2
if [[ -e $dir/hold && "$*" == *"$(<"$dir/hold")"* ]] && mv "$dir/hold" "$dir/held" 2>/dev/null; then
    exec 3<>"$dir/gate"
    # Not for ever: a test that failed does not come to let it go.
    read -r -t 60 <&3
    exec 3<&-
fi
exec "$tmux" "$@"
