# Prepares a session by its profile, on its terminal: runs the start script at home, shows the message, goes to the directory,
# and becomes the login shell, whose command line are the arguments. Ctrl-C ends the script and nothing else.
script=${TERMGATE_START-} message=${TERMGATE_MESSAGE-} directory=${TERMGATE_DIRECTORY-}
unset TERMGATE_START TERMGATE_MESSAGE TERMGATE_DIRECTORY
if [ -n "$script" ]; then
  printf 'Preparing this terminal. Ctrl-C skips the rest.\n'
  trap : INT QUIT
  (
    trap - INT QUIT
    unset TERMGATE_INTEGRATION
    cd && exec /bin/sh -c "$script"
  )
  code=$?
  trap - INT QUIT
  case $code in
    0) ;;
    130) printf '\nThe preparation was skipped.\n' ;;
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
