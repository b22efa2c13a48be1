# Makes bash print OSC 133 marks, from which the service knows when the shell is at an empty prompt, and where the output of a
# command begins and ends. bash reads this file in place of a login shell's startup files: it reads those itself, so that it
# comes after them. The marks stand in the prompts, so that `set -x` and DEBUG traps see nothing: the one command there, which
# tells a line, has a process of its own. Prompts name a variable that holds the tag, so that an exported prompt does not pass it on.
exec 63<&-
unset ENV
set +o posix
shopt -u inherit_errexit
[[ ${HISTFILE-} != ~/.sh_history ]] || HISTFILE=~/.bash_history
[[ ${MAILCHECK-} != 600 ]] || MAILCHECK=60
__termgate_tag=@NONCE@ __termgate_prompts=0

__termgate_print() {
  printf '\e]133;%s;tg=%s\a' "$1" "$__termgate_tag" >/dev/tty
}

# Ends a command's output before notices about jobs and the output of the user's hooks. They find its exit code as it was,
# unless that would end the shell.
__termgate_ended() {
  local code=$?
  [[ $- != *e* ]] || code=0
  local -
  set +eux
  __termgate_print "D;$code"
  return "$code"
}

# Tells the line that begins, as the history has it: nothing else in bash does. If the history has not grown, either the line is
# the same as the one before, or it is one that the history does not take. Controls are replaced, and `;` and `%` escaped.
__termgate_line() {
  local -
  set +eux
  local LC_ALL=C HISTTIMEFORMAT= kind=none line= directory=$PWD name value
  if [[ -o history && -n ${__termgate_history-} ]]; then
    kind=line
    (($1 == __termgate_history)) || kind=unsure
    [[ $kind == line || -z ${HISTIGNORE-} ]] || kind=none
    line=$(\builtin history 1)
    line=${line#*[0-9][ *] }
  fi
  [[ $kind != none && $line != ' '* ]] || line=
  for name in directory line; do
    value=${!name:0:8192}
    value=${value//'%'/%25}
    value=${value//';'/%3B}
    value=${value//$'\t'/%09}
    value=${value//$'\n'/%0A}
    printf -v "$name" %s "${value//[[:cntrl:]]/%EF%BF%BD}"
  done
  printf '\e]133;E;tg=%s;%s;%s;%s\a' "$__termgate_tag" "$kind" "$directory" "$line" >/dev/tty
}

# Adds missing marks, because the user or a tool may set a new prompt at any time. Says so if none can be added. The number of
# a prompt tells a new one from one that the line editor draws again. The history's number tells whether it takes a line.
__termgate_prompt() {
  local -
  set +eux
  local name value first last tag='tg=${__termgate_tag-}'
  # There was no process to tell a line, so that bash did not run it. The next ones are not told.
  ((${__termgate_failed-0} == 0)) || __termgate_untold=10
  if ((${__termgate_untold-0} > 0)); then
    ((__termgate_untold -= 1))
    __termgate_full=
  else
    unset __termgate_full
  fi
  for name in PS0 PS1 PS2; do
    case $name in
      PS0)
        first="\e]133;F;\$((__termgate_failed=1));$tag\a\${__termgate_full+\e]133;E;$tag;none;;\a}"
        first+='${__termgate_full-$({ __termgate_line \!; } >/dev/null 2>&1)}'
        last="\e]133;C;\$((__termgate_failed=0,__termgate_history=\!+1));$tag\a"
        ;;
      PS1)
        first="\[\e]133;D;\$?;\$((__termgate_history=\!,__termgate_prompts+=1));$tag\a\]"
        last="\[\e]133;B;$tag\a\]"
        ;;
      PS2) first='' last="\[\e]133;P;$tag\a\]" ;;
    esac
    value=${!name-}
    if [[ $value != "$first"*"$last" && ${!name@a} != *r* ]]; then
      value=${value//"$last"/}
      [[ -z $first ]] || value=${value//"$first"/}
      printf -v "$name" %s "$first$value$last"
    fi
    [[ ${!name-} == *"$last"* ]] && shopt -q promptvars || __termgate_print N
  done
  return 0
}

__termgate_install() {
  local -
  set +eux
  unset -f __termgate_install
  # In a prompt, bash knows the name of a user only from /etc/passwd.
  local name='\u' first='{ __termgate_ended; } >/dev/null 2>&1' last='{ __termgate_prompt; } >/dev/null 2>&1'
  [[ ${name@P} != 'I have no name!' || ${PS1@a} == *r* ]] || PS1=${PS1//\\u/$USER}
  # A prompt's marks stay without this, until another one is set.
  if [[ ${PROMPT_COMMAND@a} != *r* ]]; then
    PROMPT_COMMAND=$first${PROMPT_COMMAND:+$'\n'$PROMPT_COMMAND}
    if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 501)); then
      # An assignment to PROMPT_COMMAND replaces only its first element.
      PROMPT_COMMAND[999]=$last
    else
      PROMPT_COMMAND+=$'\n'$last
    fi
  fi
  __termgate_prompt
}

if [[ -r /etc/profile ]]; then . /etc/profile; fi
if [[ -r ~/.bash_profile ]]; then . ~/.bash_profile
elif [[ -r ~/.bash_login ]]; then . ~/.bash_login
elif [[ -r ~/.profile ]]; then . ~/.profile
fi
# The output of a trace or of a DEBUG trap goes where nobody sees it.
{ __termgate_install; } >/dev/null 2>&1
