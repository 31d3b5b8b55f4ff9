# watch.sh: watches a machine while it boots and while the command runs, and keeps count. Sourced by lab/lab.
#
# A machine that hangs while Linux boots has run nothing of the command: lab/lab starts another. Each is counted in the
# file that TRAPLINE_LAB_BOOTS names.

# From when on a machine that has not begun the command is looked at; one takes 4 s on an idle host, on a busy one more.
readonly boot_seconds=${TRAPLINE_LAB_BOOT_SECONDS:-90}
# Whether it hangs is judged by processor time, not by the clock: on a busy host a boot can take minutes. One that boots
# runs or waits for a processor nearly always, one that waits for ever less than 3 % of the time; one that spins runs far
# longer than the 15 s of a boot (Intel: 25 s).
readonly boot_window_s=15
readonly boot_idle_percent=3
readonly boot_cpu_limit_s=150

# watch_machine LIMIT: ends the machine when it hangs before it begins the command, and LIMIT seconds after the command
# began. All in the host's time: with counted time the machine's own clock jumps over waits. run_dir/hung or run_dir/limit
# then says why.
watch_machine() {
    local limit=$1 window ran_ms wanted=() waited begun=
    window=$((boot_seconds < boot_window_s ? boot_seconds : boot_window_s))
    for ((waited = 0; ; waited++)); do
        sleep 1
        [[ -d /proc/$machine_pid ]] || return 0
        if [[ -e $run_dir/share/begun ]]; then
            : "${begun:=$SECONDS}"
            ((SECONDS - begun >= limit)) || continue
            : >"$run_dir/limit"
        else
            read -r ran_ms "wanted[waited]" < <(wanted_ms "$machine_pid")
            ((waited >= boot_seconds)) || continue
            if ((ran_ms >= boot_cpu_limit_s * 1000)); then
                echo "$((ran_ms / 1000)) s of processor time used" >"$run_dir/hung"
            elif (((wanted[waited] - wanted[waited - window]) * 100 < boot_idle_percent * window * 1000)); then
                echo "idle for $window s, $waited s after its start" >"$run_dir/hung"
            else
                continue
            fi
        fi
        end_machine
        return 0
    done
}

# A process that is stopped takes SIGTERM when it goes on.
end_machine() {
    local tries
    kill -TERM "$machine_pid" && kill -CONT "$machine_pid"
    for ((tries = 0; tries < 100; tries++)); do
        sleep 0.1
        [[ -d /proc/$machine_pid ]] || return 0
    done
    kill -KILL "$machine_pid"
}

# wanted_ms PID: how long the threads of a process ran on a processor, and how long they ran or waited for one. From
# /proc/PID/task/*/schedstat (Documentation/scheduler/sched-stats.rst): both in ns.
wanted_ms() {
    cat "/proc/$1"/task/*/schedstat 2>/dev/null |
        awk '{ ran += $1; waited += $2 } END { printf "%d %d\n", ran / 1e6, (ran + waited) / 1e6 }'
}

# enter_boot: appends a line to the file that TRAPLINE_LAB_BOOTS names: whether this machine got as far as the command,
# and how long that took. One that the caller ended before it could counts as neither.
enter_boot() {
    local word=booted end_us
    [[ -n ${TRAPLINE_LAB_BOOTS-} ]] || return 0
    if [[ -e $run_dir/share/begun ]]; then
        end_us=$(stat -c %.6Y "$run_dir/share/begun")
        end_us=${end_us/[.,]/}
    else
        word=not-booted end_us=${EPOCHREALTIME/[.,]/}
    fi
    printf '%s linux=%s emulator=%s seconds=%d.%d load=%s time=%s\n' "$word" "$kernel_version" "$emulator_id" \
        $(((end_us - started_us) / 1000000)) $(((end_us - started_us) / 100000 % 10)) "$(cut -d ' ' -f 1 /proc/loadavg)" \
        "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >>"$TRAPLINE_LAB_BOOTS" ||
        say "cannot write to $TRAPLINE_LAB_BOOTS (TRAPLINE_LAB_BOOTS): this boot is not counted"
}
