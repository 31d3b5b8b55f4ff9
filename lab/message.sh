# message.sh: how the lab speaks. Sourced by lab/lab; everything it says goes to stderr, stdout belongs to the command.

# The lab's own exit statuses; every other status is the command's.
readonly status_usage=2        # wrong options
readonly status_cannot_start=3 # something is missing on this host; the message names the remedy
readonly status_limit=124      # the command was ended after --limit seconds
readonly status_lost=125       # the machine went down without reporting the command's status
readonly status_not_booted=126 # the machine hung before it began the command; lab/lab then starts another

say() {
    printf 'lab: %s\n' "$*" >&2
}

# fail STATUS TEXT...: the thing, the reason and the remedy, then the end.
fail() {
    local status=$1
    shift
    say "$@"
    exit "$status"
}
