# Makes fish print its directory and OSC 133 marks, as integration.bash does for bash. fish reads this file after the user's. An
# incomplete command stays in its line editor, which asks for no other line; and it sets title and colours once a command has
# begun. M says both.
set -g __termgate_tag @NONCE@
set -e TERMGATE_MARKS
function __termgate_print
  builtin printf '\e]133;%s;tg=%s\a' $argv[1] $__termgate_tag >/dev/tty
end
function __termgate_ended --on-event fish_postexec
  __termgate_print "D;$status"
end
function __termgate_cancelled --on-event fish_cancel
  __termgate_print "D;130"
end
# Offers files to the page, where a click saves them, unless a startup file has another one.
if not builtin functions --query tg-download
  function tg-download --description 'Offer files of this shell to the page'
    if not builtin count $argv >/dev/null
      builtin printf 'usage: tg-download FILE…\n' >&2
      return 2
    end
    for file in $argv
      set -l whole (command realpath -- $file); or return 1
      if not builtin test -e "$whole"
        builtin printf 'tg-download: %s: no such file or directory\n' $file >&2
        return 1
      end
      set -l path (builtin printf %s $whole | command base64 | builtin string join '')
      builtin printf '\e]1337;TermgateDownload=%s\a' $path >/dev/tty
    end
  end
end
# Tells the line that has begun, as integration.bash does.
function __termgate_line
  set -l kind line
  set -l line (builtin string escape --style=url -- $argv[1] | builtin string sub --length 24576)
  if builtin string match --quiet ' *' -- $argv[1]
    set kind none
    set line ''
  end
  set -l directory (builtin string escape --style=url -- $PWD | builtin string sub --length 24576)
  builtin printf '\e]133;E;tg=%s;%s;%s;%s\a' $__termgate_tag $kind "$directory" "$line" >/dev/tty
end
function __termgate_started --on-event fish_preexec
  __termgate_print C
  __termgate_line $argv[1]
end
# Tells the directory, as integration.bash does.
function __termgate_directory
  set -l told (builtin string escape --style=url -- $PWD | builtin string collect)
  test (builtin string length -- "$told") -le 3072; or set told ''
  builtin printf '\e]7;file://%s%s\a' $hostname "$told" >/dev/tty
end
function __termgate_mark
  builtin printf '\e]133;B;tg=%s\a' $__termgate_tag
end
# A command that could not run ends here. Adds the mark to a prompt that the user or a tool has set.
function __termgate_prompt --on-event fish_prompt
  __termgate_print "D;$status"
  __termgate_directory
  builtin string match --quiet '*__termgate_mark*' -- (builtin functions fish_prompt); and return
  builtin functions --erase __termgate_fish_prompt
  builtin functions --copy fish_prompt __termgate_fish_prompt
  function fish_prompt
    __termgate_fish_prompt
    __termgate_mark
  end
end
__termgate_print M
