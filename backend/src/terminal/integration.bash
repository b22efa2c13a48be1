# Makes bash print OSC 133 marks, from which the service knows when the shell is at an empty prompt, and where the output of a
# command begins and ends. It runs once, at the first prompt, after the user's startup files; it extends their settings, and
# leaves nothing in the environment of programs that the shell starts.
unset TERMGATE_INTEGRATION
export -n PROMPT_COMMAND

# In a prompt, bash knows the name of a user only from /etc/passwd.
__termgate_name='\u'
[[ ${__termgate_name@P} != 'I have no name!' ]] || PS1=${PS1//\\u/$USER}
unset __termgate_name

__termgate_done() {
  local code=$?
  printf '\e]133;D;%s;tg=@NONCE@\a' "$code"
  return "$code"
}

# Adds missing marks, because the user or a tool may set a new prompt at any time.
__termgate_prompt() {
  local code=$?
  local ready='\[\e]133;B;tg=@NONCE@\a\]' more='\[\e]133;P;tg=@NONCE@\a\]' taken='\e]133;C;tg=@NONCE@\a'
  [[ $PS1 == *"$ready"* ]] || PS1=$PS1$ready
  [[ $PS2 == *"$more"* ]] || PS2=$PS2$more
  [[ ${PS0-} == *"$taken"* ]] || PS0=${PS0-}$taken
  return "$code"
}

if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 501)); then
  PROMPT_COMMAND=(__termgate_done "${PROMPT_COMMAND[@]}" __termgate_prompt)
else
  PROMPT_COMMAND=$'__termgate_done\n'"$PROMPT_COMMAND"$'\n__termgate_prompt'
fi
__termgate_prompt
