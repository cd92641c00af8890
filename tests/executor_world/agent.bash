# A terminal agent in miniature: a dialog, a box that shows pastes, a transcript. Its arguments choose what it does:
#   dialog      asks whether the folder is trusted, refusal preselected
#   twice       draws that dialog, takes keys for a moment, and draws it anew with nothing selected
#   login       shows a login screen and nothing else
#   mute        never shows its box
#   swallow     ignores the first Enter on a pasted text
#   late        asks whether the folder is trusted when a paste comes, and drops the paste
#   lines       clears its box a line at a time
#   lags        shows a paste, and writes down what it was given, a moment later
#   leaves      is left by two Ctrl-D at its box, and says so in left.txt
#   stays       is told so as well, and stays
#   deaf        misses that its terminal has a new size, and shows no box then; hears of it once there is a hears.txt, and
#               writes down in sizes.txt, again and again, of which size it is
#   permission  opens a permission dialog when a paste comes, and drops the paste
stty raw -echo
has() { [[ " $arguments " == *" $1 "* ]]; }
arguments="$*"
text=
left=0
swallow=0
has swallow && swallow=1

clear_screen() { printf '\033[2J\033[H'; }
draw_dialog() {
  clear_screen
  printf 'Do you trust this folder?\r\n'
  if [[ $yes ]]; then printf '  No\r\n❯ Yes\r\n'; else printf '❯ No\r\n  Yes\r\n'; fi
}
draw_box() {
  clear_screen
  printf '────────────────────────\r\n❯ %s' "$1"
}
key() {
  if ! has deaf; then IFS= read -r -N1 key; return; fi
  # Bash runs no trap of WINCH before a read has come back.
  until IFS= read -r -N1 -t 0.05 key; do
    (($? > 128)) || return 1
    stty size >> sizes.txt
  done
}

escape() {
  IFS= read -r -N2 rest
  case $rest in
    '[B' | 'OB') yes=1; has dialog && draw_dialog ;;
    '[2') paste ;;
  esac
}
paste() {
  IFS= read -r -N3 rest
  local body=
  until [[ $body == *$'\e[201~' ]]; do key; body+=$key; done
  if has late; then
    draw_dialog
    return
  fi
  if has permission; then
    clear_screen
    printf 'Do you want to proceed?\r\n❯ Yes\r\n'
    return
  fi
  text=${body%$'\e[201~'}
  has lags && sleep 0.3
  draw_paste
  printf 'shown\n' >> shown.txt
}
draw_paste() {
  local ends=${text//[^$'\n']/}
  draw_box "[pasted $((${#ends} + 1)) lines]"
}
clear_box() {
  if has lines && [[ $text == *$'\n'* ]]; then
    text=${text%$'\n'*}
    draw_paste
    return
  fi
  text=
  draw_box ''
}
enter() {
  printf 'enter\n' >> keys.txt
  if has permission || has late; then exit 66; fi
  if ((swallow > 0)); then swallow=$((swallow - 1)); return; fi
  has lags && draw_box '' && sleep 0.3
  [[ $text ]] && printf '%s\n' "$text" >> inbox.txt
  text=
  draw_box ''
}
leave() {
  left=$((left + 1))
  printf 'left\n' >> left.txt
  if has leaves && ((left == 2)); then exit 0; fi
}
resized() {
  if [[ -e hears.txt ]]; then draw_box "$text"; else clear_screen; fi
}
open_box() {
  if has deaf; then trap resized WINCH; fi
  printf '\033[?2004h'
  draw_box ''
  while key; do
    case $key in
      $'\e') escape ;;
      $'\r' | $'\n') enter ;;
      $'\x15') clear_box ;;
      $'\x04') leave ;;
      *) text+=$key; draw_box "$text" ;;
    esac
  done
}

if has login; then clear_screen; printf 'Select login method\r\n'; exec sleep 1000; fi
if has mute; then clear_screen; printf 'loading\r\n'; exec sleep 1000; fi
if has dialog; then
  draw_dialog
  if has twice; then
    while IFS= read -r -N1 -t 0.2 key; do
      case $key in
        $'\e') escape ;;
        *) exit 1 ;;
      esac
    done
    yes=
    draw_dialog
  fi
  while key; do
    case $key in
      $'\e') escape ;;
      $'\r' | $'\n') if [[ $yes ]]; then break; else exit 1; fi ;;
    esac
  done
  arguments=${arguments/dialog/}
fi
open_box
