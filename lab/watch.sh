# watch.sh: watches a machine while it boots and while the command runs, and keeps count. Sourced by lab/lab.
#
# A machine that hangs while Linux boots has run nothing of the command: lab/lab starts another. Each is counted in the
# file that TRAPLINE_LAB_BOOTS names.

# From when on a machine that has not begun the command is looked at; one takes 4 s on an idle host, on a busy one more.
readonly boot_seconds=${TRAPLINE_LAB_BOOT_SECONDS:-90}
# Whether it hangs is judged by processor time: one that boots uses all it gets. One that waits for ever uses less than 3 %
# of a processor; one that spins uses far more than the 8 s of a boot (Intel: 20 s).
readonly boot_window_s=15
readonly boot_idle_percent=3
readonly boot_cpu_limit_s=150

# watch_machine LIMIT: ends the machine when it hangs before it begins the command, and LIMIT seconds after the command
# began. All in the host's time: with counted time the machine's own clock jumps over waits. run_dir/hung or run_dir/limit
# then says why.
watch_machine() {
    local limit=$1 ticks_per_s window used=() waited begun=
    ticks_per_s=$(getconf CLK_TCK)
    window=$((boot_seconds < boot_window_s ? boot_seconds : boot_window_s))
    for ((waited = 0; ; waited++)); do
        sleep 1
        [[ -d /proc/$machine_pid ]] || return 0
        if [[ -e $run_dir/share/begun ]]; then
            : "${begun:=$SECONDS}"
            ((SECONDS - begun >= limit)) || continue
            : >"$run_dir/limit"
        else
            used[waited]=$(processor_ticks "$machine_pid") || return 0
            ((waited >= boot_seconds)) || continue
            if ((used[waited] >= boot_cpu_limit_s * ticks_per_s)); then
                echo "$((used[waited] / ticks_per_s)) s of processor time used" >"$run_dir/hung"
            elif (((used[waited] - used[waited - window]) * 100 < boot_idle_percent * window * ticks_per_s)); then
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

# User and system time of a process and its threads, in clock ticks: fields 14 and 15 of proc_pid_stat(5).
processor_ticks() { # PID
    local stat fields
    stat=$(<"/proc/$1/stat") || return 1
    read -r -a fields <<<"${stat##*) }"
    echo $((fields[11] + fields[12]))
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
