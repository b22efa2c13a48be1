# Makes bash print its directory (OSC 7), and OSC 133 marks, from which the service knows when the shell is at an empty prompt,
# and where the output of a command begins and ends. bash reads this file in place of a login shell's startup files: it reads
# those itself, so that it comes after them. Marks and directory stand in the prompts, which run no commands. Nothing forks once
# the shell has started: where the table of processes is full, bash waits half a minute before it gives up. Prompts name a
# variable that holds the tag, so that an exported prompt does not pass it on.
exec 63<&-
unset ENV
set +o posix
shopt -u inherit_errexit
[[ ${HISTFILE-} != ~/.sh_history ]] || HISTFILE=~/.bash_history
[[ ${MAILCHECK-} != 600 ]] || MAILCHECK=60
__termgate_tag=@NONCE@ __termgate_host=$HOSTNAME __termgate_prompts=0 __termgate_history=0 __termgate_grown=0 __termgate_steps=1
# Where builtins leave what only they can tell, for a moment: anything else takes a process. An open file without a name would be
# inherited by all programs.
__termgate_file=$(mktemp "${TMPDIR:-/tmp}/termgate.$TERMGATE_SESSION.XXXXXX" 2>/dev/null)
# Runs before the first steps of a line, which PS0 has set to 0, and goes before a long loop gets slow. `$_` stays as it was.
__termgate_trap='{ case $((__termgate_steps++)) in 0) __termgate_line "$_" ;; 50) __termgate_last=$_
\builtin trap -p DEBUG >|"$__termgate_file"; if __termgate_watches; then \builtin trap - DEBUG; fi; : "$__termgate_last" ;;
esac; } 2>/dev/null'

__termgate_print() {
  printf '\e]133;%s;tg=%s\a' "$1" "$__termgate_tag" >/dev/tty
}

# Ends a command's output before notices about jobs and the output of the user's hooks. They find its exit code as it was,
# unless that would end the shell. Some lines take no step that a trap sees, and a trap of the user's may be in its place: those
# are told now.
__termgate_ended() {
  local code=$?
  [[ $- != *e* ]] || code=0
  local -
  set +eux
  ((__termgate_steps)) || __termgate_line
  __termgate_print "D;$code"
  return "$code"
}

# Tells the line that has begun, as the history has it: nothing else in bash does. If the history has not grown, either the line is
# the same as the one before, or it is one that the history does not take. Controls are replaced, and `;` and `%` escaped.
__termgate_line() {
  local -
  set +eux
  local LC_ALL=C IFS= HISTTIMEFORMAT= kind=none line= directory=$PWD name value
  if [[ -o history ]]; then
    kind=line
    ((__termgate_grown)) || kind=unsure
    [[ $kind == line || -z ${HISTIGNORE-} ]] || kind=none
    builtin history 1 >|"$__termgate_file" && builtin read -r -d '' line <"$__termgate_file"
    >|"$__termgate_file"
    line=${line#*[0-9][ *] }
    line=${line%"${line##*[!$'\n']}"}
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
  return 0
}

# Sets the address of the directory for the prompt, byte by byte where it has more than letters. One that is too long is told as
# none. A shell that takes over an exported prompt tells nothing.
__termgate_find() {
  local LC_ALL=C IFS= rest=$PWD told= safe byte
  ((${#rest} <= 1024)) || rest=
  while [[ -n $rest ]]; do
    safe=${rest%%[!a-zA-Z0-9/._~-]*}
    told+=$safe
    rest=${rest:${#safe}}
    [[ -n $rest ]] || break
    printf -v byte %02X "'$rest"
    told+=%${byte: -2}
    rest=${rest:1}
  done
  __termgate_place=file://$__termgate_host$told
}

# True if the DEBUG trap, which the file has, is this script's.
__termgate_watches() {
  local IFS= trap=
  builtin read -r -d '' trap <"$__termgate_file"
  [[ $trap == "trap -- '${__termgate_trap%%\"*}"* ]]
}

# Adds missing marks, because the user or a tool may set a new prompt at any time. Says so if none can be added. The number of
# a prompt tells a new one from one that the line editor draws again. The history's number tells whether it takes a line. The
# argument is 0 if the file has the DEBUG trap: a function does not see the user's, which stays.
__termgate_prompt() {
  local -
  set +eux
  local name value first last tag='tg=${__termgate_tag-}' IFS= trap=
  __termgate_steps=1
  __termgate_find
  if (($1 == 0)); then
    builtin read -r -d '' trap <"$__termgate_file"
    [[ -n $trap ]] || builtin trap "$__termgate_trap" DEBUG
  fi
  for name in PS0 PS1 PS2; do
    case $name in
      PS0)
        first=''
        last="\e]133;C;\$((__termgate_steps=0,__termgate_grown=\!==__termgate_history,__termgate_history=\!+1));$tag\a"
        ;;
      PS1)
        first="\[\e]133;D;\$?;\$((__termgate_history=\!,__termgate_prompts+=1));$tag\a\e]7;\${__termgate_place-}\a\]"
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
  local name='\u' first='{ __termgate_ended; } >/dev/null 2>&1' last
  last='{ \builtin trap -p DEBUG >|"$__termgate_file"; __termgate_prompt $?; } >/dev/null 2>&1'
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
  __termgate_prompt 1
}

# Offers files to the page, where a click saves them. A startup file may have another one.
tg-download() {
  local file whole
  if [[ $# -eq 0 ]]; then
    printf 'usage: tg-download FILE…\n' >&2
    return 2
  fi
  for file; do
    whole=$(command realpath -- "$file") || return 1
    if [[ ! -e $whole ]]; then
      printf 'tg-download: %s: no such file or directory\n' "$file" >&2
      return 1
    fi
    printf '\e]1337;TermgateDownload=%s\a' "$(printf %s "$whole" | command base64 | command tr -d '\n')" >/dev/tty
  done
}

if [[ -r /etc/profile ]]; then . /etc/profile; fi
if [[ -r ~/.bash_profile ]]; then . ~/.bash_profile
elif [[ -r ~/.bash_login ]]; then . ~/.bash_login
elif [[ -r ~/.profile ]]; then . ~/.profile
fi
# The output of a trace or of a DEBUG trap goes where nobody sees it.
{ __termgate_install; } >/dev/null 2>&1
