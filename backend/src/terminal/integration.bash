# Marks prompts and commands for the terminal service (OSC 133), so that it knows when the shell is at an empty prompt and
# where a command's output begins and ends. Runs once, at the first prompt, after the user's own startup files; it adds to
# what they set and leaves nothing in the environment of the programs that the shell starts.
unset TERMGATE_INTEGRATION
export -n PROMPT_COMMAND

# A user without an entry in /etc/passwd has a name all the same.
__termgate_name='\u'
[[ ${__termgate_name@P} != 'I have no name!' ]] || PS1=${PS1//\\u/$USER}
unset __termgate_name

__termgate_done() {
  local code=$?
  printf '\e]133;D;%s;tg=@NONCE@\a' "$code"
  return "$code"
}

# The user, or a tool of theirs, may set a prompt anew at any time: add the marks where they are missing.
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
