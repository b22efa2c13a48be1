# Prepares a session by its profile, on its terminal: runs the start script at home, shows the message, goes to the directory,
# and becomes the login shell, whose command line are the arguments. Ctrl-C ends the script and nothing else. At the
# end of its time the script is killed with all that it started.
script=${TERMGATE_START-} limit=${TERMGATE_START_SECONDS-} message=${TERMGATE_MESSAGE-} directory=${TERMGATE_DIRECTORY-}
unset TERMGATE_START TERMGATE_START_SECONDS TERMGATE_MESSAGE TERMGATE_DIRECTORY

# Ends with 0 once the time is over and the script's processes are killed. A variable in their environment marks them, even
# those with a session of their own. One may start another during a look, so this looks up to five times.
watch_time() {
  trap 'kill "$!"; exit 1' TERM
  sleep "$limit" &
  wait "$!" || exit 1
  trap '' TERM
  for attempt in 1 2 3 4 5; do
    found=$(cd /proc && grep -ls "TERMGATE_PREPARES=$TERMGATE_SESSION" [0-9]*/environ)
    [ -n "$found" ] || break
    for process in $found; do kill -KILL "${process%%/*}"; done
    sleep 1
  done
  exit 0
}

if [ -n "$script" ]; then
  printf 'Preparing this terminal. Ctrl-C skips the rest.\n'
  modes=$(stty -g 2>/dev/null)
  trap : INT QUIT
  watch_time </dev/null >/dev/null 2>&1 &
  watch=$!
  (
    trap - INT QUIT
    unset TERMGATE_INTEGRATION
    export TERMGATE_PREPARES="$TERMGATE_SESSION"
    cd && exec /bin/sh -c "$script"
  )
  code=$?
  { kill "$watch"; wait "$watch" && code=late; } 2>/dev/null
  trap - INT QUIT
  [ "$code" = 0 ] || stty "$modes" 2>/dev/null
  case $code in
    0) ;;
    130) printf '\nThe preparation was skipped.\n' ;;
    late) printf '\nThe preparation took longer than %s s and was ended; the terminal works all the same.\n' "$limit" ;;
    *) printf '\nThe preparation failed with exit code %s; the terminal works all the same.\n' "$code" ;;
  esac
fi
[ -z "$message" ] || printf '%s\n' "$message"
case $directory in
  '') ;;
  /*) cd -- "$directory" 2>/dev/null || : ;;
  *) cd -- "$HOME/$directory" 2>/dev/null || : ;;
esac
exec "$@"
