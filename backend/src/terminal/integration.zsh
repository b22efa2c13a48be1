# Makes zsh print its directory and OSC 133 marks, as integration.bash does for bash. zsh reads its four startup files from a
# directory that this one is in; each reads the user's file at once, so that the marks are installed after all of them. The
# directory is gone then. The end of a command stands in the mark of a partial line (PROMPT_EOL_MARK) too, which zsh prints before
# any hook.
__termgate_tag=@NONCE@ __termgate_host=$HOST __termgate_own=$ZDOTDIR
unset ZDOTDIR TERMGATE_MARKS

__termgate_print() {
  builtin printf '\e]133;%s;tg=%s\a' "$1" "$__termgate_tag" >/dev/tty
}

# Tells the directory, as integration.bash does.
__termgate_directory() {
  emulate -L zsh
  setopt no_xtrace no_multibyte extended_glob
  local told=$PWD MATCH MBEGIN MEND
  (( $#told <= 1024 )) || told=
  told=${told//(#m)[^a-zA-Z0-9\/._~-]/%${(l:2::0:)$(( [##16] #MATCH ))}}
  builtin printf '\e]7;file://%s%s\a' "$__termgate_host" "$told" >/dev/tty
}

# Ends a command's output.
__termgate_ended() {
  {
    local code=$?
    emulate -L zsh
    setopt no_xtrace
    __termgate_print "D;$code"
    __termgate_directory
    __termgate_keep
  } 2>/dev/null
}

# Tells the line that has begun, as integration.bash does.
__termgate_line() {
  emulate -L zsh
  setopt no_xtrace no_multibyte
  local line=$1 kind=$2 directory=$PWD name value
  [[ -n $line && $line != ' '* ]] || kind=none line=
  for name in directory line; do
    value=${(P)name}
    value=${value[1,8192]}
    value=${value//\%/%25}
    value=${value//\;/%3B}
    value=${value//$'\t'/%09}
    value=${value//$'\n'/%0A}
    typeset "$name=${value//[[:cntrl:]]/%EF%BF%BD}"
  done
  builtin printf '\e]133;E;tg=%s;%s;%s;%s\a' "$__termgate_tag" $kind "$directory" "$line" >/dev/tty
}

__termgate_started() {
  {
    __termgate_print C
    # Where the history takes blanks away, a space at the begin may be among them.
    if [[ -o hist_reduce_blanks && ! -o hist_ignore_space ]]; then
      __termgate_line "$1" unsure
    else
      __termgate_line "$1" line
    fi
  } 2>/dev/null
}

# Says that the prompt is drawn, and whether it is one for the rest of a command.
__termgate_ready() {
  {
    emulate -L zsh
    setopt no_xtrace
    # zsh switches bracketed paste on only after this hook, and a command may be pasted at once.
    builtin printf %s "${zle_bracketed_paste[1]-}" >/dev/tty
    case $CONTEXT in
      start) __termgate_print B; __termgate_keep ;;
      cont) __termgate_print P ;;
    esac
  } 2>/dev/null
}

# Adds what the user or a tool has removed. Says so if the line editor is off, which draws the prompts.
__termgate_keep() {
  local mark=$'%{\e]133;D;%?;tg='$__termgate_tag$'\a%}'
  [[ ${PROMPT_EOL_MARK-} == $mark* ]] || typeset -g PROMPT_EOL_MARK=$mark${PROMPT_EOL_MARK-%B%S%#%s%b}
  [[ ${precmd_functions[1]-} == __termgate_ended ]] ||
    precmd_functions=(__termgate_ended ${precmd_functions:#__termgate_ended})
  [[ ${preexec_functions[-1]-} == __termgate_started ]] ||
    preexec_functions=(${preexec_functions:#__termgate_started} __termgate_started)
  [[ -o zle ]] && add-zle-hook-widget line-init __termgate_ready || __termgate_print N
}

# Around the user's file, the directory of startup files is the user's.
__termgate_enter() {
  emulate -L zsh
  if (( ${+__termgate_theirs} )); then ZDOTDIR=$__termgate_theirs; else unset ZDOTDIR; fi
}

# Offers files to the page, where a click saves them. A startup file may have another one.
tg-download() {
  emulate -L zsh
  local file whole
  if [[ $# -eq 0 ]]; then
    builtin printf 'usage: tg-download FILE…\n' >&2
    return 2
  fi
  for file; do
    whole=$(command realpath -- "$file") || return 1
    if [[ ! -e $whole ]]; then
      builtin printf 'tg-download: %s: no such file or directory\n' "$file" >&2
      return 1
    fi
    builtin printf '\e]1337;TermgateDownload=%s\a' "$(builtin printf %s "$whole" | command base64 | command tr -d '\n')" >/dev/tty
  done
}

__termgate_leave() {
  emulate -L zsh
  unset __termgate_theirs
  if (( ${+ZDOTDIR} )); then typeset -g __termgate_theirs=$ZDOTDIR; fi
  ZDOTDIR=$__termgate_own
  [[ $1 == .zlogin ]] || return 0
  __termgate_enter
  zmodload -F zsh/files b:zf_rm && zf_rm -r $__termgate_own
  unset __termgate_own __termgate_theirs
  unfunction __termgate_enter __termgate_leave
  autoload -Uz add-zle-hook-widget
  __termgate_keep
  return 0
}
