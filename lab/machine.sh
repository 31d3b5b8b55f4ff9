# machine.sh: one emulated machine, from its start to its verdict. Sourced by lab/lab.
#
# What differs is in amd.sh and intel.sh: CPU_prepare makes what the machine reads, CPU_words sets the array emulator to
# the words that start it, and its names, CPU_copiers starts what moves the command's output from the machine to our own
# stdout and stderr, CPU_ended is called when the machine is gone, to let the copiers finish. The machine's console goes
# to console.log of the run folder. share/begun appears when the command starts, share/status with its status,
# share/failure with the reason why there is none.

run_dir=
machine_pid=
watch_pid=
machine_status=0
started_us=0
copier_pids=()
console_pid=
emulator=()
emulator_name= # for people
emulator_id=   # for programs, without spaces
emulator_input=/dev/null
# Two descriptors that CPU_copiers opens to keep FIFOs from ending; nothing that is started here may inherit them.
held_a='' held_b=''

# machine_prepare CPU OUT COMMAND...: the run folder with what is read inside.
machine_prepare() {
    local cpu=$1 out=$2
    shift 2
    remove_stale_runs
    run_dir=$(mktemp -d "$lab_cache/runs/$$.XXXXXX")
    mkdir "$run_dir/share"
    "${cpu}_prepare" "$out" "$@"
    : >"$run_dir/console.log"
}

# Folders of labs that were killed by SIGKILL. A folder's name begins with the number of its lab's process.
remove_stale_runs() {
    local folder pid
    for folder in "$lab_cache"/runs/*.??????; do
        pid=${folder##*/}
        pid=${pid%%.*}
        if [[ -d $folder && ! -d /proc/$pid ]]; then
            rm -rf "$folder"
        fi
    done
}

command_environment() {
    local name
    printf '%s\0' HOME=/root "PATH=$caller_path" "TERM=${TERM:-dumb}" "LANG=${LANG:-C.UTF-8}"
    for name in "${!TRAPLINE_@}"; do
        printf '%s=%s\0' "$name" "${!name}"
    done
}

# machine_run CPU LIMIT VERBOSE: starts the machine, waits for its end and sets machine_status to the command's status or
# the lab's own.
machine_run() {
    local cpu=$1 limit=$2 verbose=$3 ended=0 status=0
    trap 'machine_interrupted 130' INT
    trap 'machine_interrupted 143' TERM
    trap 'machine_interrupted 129' HUP
    "${cpu}_copiers"
    if [[ $verbose = 1 ]]; then
        tail -n +1 -f "$run_dir/console.log" >&2 {held_a}>&- {held_b}>&- &
        console_pid=$!
    fi
    # pdeathsig: no machine outlives its lab, even one killed by SIGKILL.
    started_us=${EPOCHREALTIME/[.,]/}
    setpriv --pdeathsig KILL "${emulator[@]}" <"$emulator_input" >"$run_dir/emulator.log" 2>&1 {held_a}>&- {held_b}>&- &
    machine_pid=$!
    watch_machine "$limit" >/dev/null 2>&1 {held_a}>&- {held_b}>&- &
    watch_pid=$!
    wait -n -p ended "$machine_pid" "${copier_pids[@]}" || status=$?
    if [[ $ended != "$machine_pid" ]]; then
        if [[ ! -s $run_dir/share/status && ! -s $run_dir/share/failure ]]; then
            # A copier ended first: whoever read our output has gone. A local command would get SIGPIPE.
            enter_boot
            machine_stop
            machine_status=141
            return
        fi
        # All that we wanted of the machine is here: how it would power itself off does not matter.
        kill "$machine_pid" 2>/dev/null || true
        wait "$machine_pid" || status=$?
    fi
    machine_pid=
    "${cpu}_ended"
    wait "${copier_pids[@]}" || true
    copier_pids=()
    enter_boot
    machine_status=0
    machine_verdict "$status" "$limit" || machine_status=$?
}

machine_interrupted() {
    trap '' INT TERM HUP
    [[ ! -e $run_dir/share/begun ]] || enter_boot
    machine_stop
    exit "$1"
}

# machine_stop: ends what this lab started, by process number, and removes the run folder. Also runs at exit.
machine_stop() {
    local pid
    for pid in "$watch_pid" "$machine_pid" "$console_pid" "${copier_pids[@]}"; do
        if [[ -n $pid ]]; then
            kill "$pid" 2>/dev/null || true
            wait "$pid" 2>/dev/null || true
        fi
    done
    watch_pid='' machine_pid='' console_pid='' copier_pids=()
    if [[ -n $run_dir ]]; then
        rm -rf "$run_dir"
        run_dir=
    fi
}

# machine_verdict EMULATOR_STATUS LIMIT
machine_verdict() {
    local emulator_status=$1 limit=$2
    if [[ -s $run_dir/share/status ]]; then
        return "$(<"$run_dir/share/status")"
    fi
    if [[ -e $run_dir/hung && ! -e $run_dir/share/begun ]]; then
        say "the machine hung before it began the command: $(<"$run_dir/hung")"
        console_tail
        return "$status_not_booted"
    fi
    if [[ -e $run_dir/limit ]]; then
        say "the command was ended: it had not finished after $limit s (--limit)"
        return "$status_limit"
    fi
    if [[ -s $run_dir/share/failure ]]; then
        say "the machine did not get as far as the command: $(<"$run_dir/share/failure")"
    elif grep -q 'Kernel panic' "$run_dir/console.log"; then
        say "the machine's kernel panicked; the command's status is unknown"
    elif [[ $emulator_status != 0 ]]; then
        say "the emulator ended with status $emulator_status before the command did:"
        tail -n 5 "$run_dir/emulator.log" | sed 's/^/lab:   /' >&2
    else
        say "the machine went down without reporting the command's status (powered off by the command?)"
    fi
    console_tail
    return "$status_lost"
}

console_tail() {
    say "last lines of its console (all of it: --verbose):"
    tail -n 25 "$run_dir/console.log" | tr -d '\r' | sed 's/^/lab:   /' >&2
}
