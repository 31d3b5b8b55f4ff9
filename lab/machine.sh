# machine.sh: one emulated machine, from its command line to its verdict. Sourced by lab/lab.
#
# The command's streams are virtio-serial ports that end in FIFOs here; a copier each moves the bytes to our own stdout
# and stderr. The machine's console goes to a file of the run folder.

run_dir=
machine_pid=
started_s=0
copier_pids=()
console_pid=

# machine_prepare OUT COMMAND...: the run folder with what init and enter read.
machine_prepare() {
    local out=$1
    shift
    remove_stale_runs
    run_dir=$(mktemp -d "$lab_cache/runs/$$.XXXXXX")
    mkdir "$run_dir/share"
    cp "$lab_dir/enter" "$run_dir/share/enter"
    printf '%s' "$out" >"$run_dir/share/out"
    printf '%s\0' "$@" >"$run_dir/share/command"
    printf '%s\0' "$(pwd -P)" >"$run_dir/share/folder"
    command_environment >"$run_dir/share/environment"
    mkfifo "$run_dir/stdout" "$run_dir/stderr"
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

# machine_words TIME CPUS MEMORY VERBOSE OUT: adds the machine's description to the array qemu.
machine_words() {
    local time=$1 cpus=$2 memory=$3 verbose=$4 out=$5
    # tsc=reliable: else the kernel finds the emulated TSC unstable against its watchdog and falls back to a slow clock.
    # nokaslr: addresses and instruction counts are the same in every run.
    local cmdline="console=ttyS0 panic=-1 mitigations=off tsc=reliable nowatchdog nokaslr"
    # Boots faster: no self-tests of ciphers, no look for a broken timer interrupt.
    cmdline+=" cryptomgr.notests no_timer_check trapline.time=$time"
    cmdline+=" trapline.emulator=QEMU-$qemu_version"
    [[ $verbose = 1 ]] || cmdline+=' quiet'
    qemu+=(-machine pc -cpu max -m "$memory" -nodefaults -no-user-config -display none -no-reboot
        -kernel "$kernel_dir/vmlinuz" -initrd "$initramfs" -append "$cmdline"
        -chardev "file,id=console,path=$(escaped "$run_dir/console.log")" -serial chardev:console
        -device virtio-serial-pci
        -chardev "file,id=stdout,path=$(escaped "$run_dir/stdout")" -device virtserialport,chardev=stdout,name=stdout
        -chardev "file,id=stderr,path=$(escaped "$run_dir/stderr")" -device virtserialport,chardev=stderr,name=stderr
        -virtfs "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap"
        -virtfs "local,path=$(escaped "$out"),mount_tag=out,security_model=none,multidevs=remap"
        -virtfs "local,path=$(escaped "$run_dir/share"),mount_tag=run,security_model=none")
    case $time in
    counted) qemu+=(-accel tcg,thread=single -icount shift=0,sleep=off -smp 1 -rtc clock=vm) ;;
    emulated) qemu+=(-accel tcg,thread=multi -smp "$cpus") ;;
    esac
}

# QEMU doubles the commas of a path inside an option.
escaped() {
    printf '%s' "${1//,/,,}"
}

# machine_run LIMIT VERBOSE: starts the machine, waits for its end and returns the command's status or the lab's own.
machine_run() {
    local limit=$1 verbose=$2 hold_out hold_err ended=0 status=0
    trap 'machine_interrupted 130' INT
    trap 'machine_interrupted 143' TERM
    trap 'machine_interrupted 129' HUP
    # Our own write ends: QEMU and the copiers can open theirs in any order, and the copiers see the end when we close.
    exec {hold_out}<>"$run_dir/stdout" {hold_err}<>"$run_dir/stderr"
    cat "$run_dir/stdout" {hold_out}>&- {hold_err}>&- &
    copier_pids+=($!)
    cat "$run_dir/stderr" >&2 {hold_out}>&- {hold_err}>&- &
    copier_pids+=($!)
    if [[ $verbose = 1 ]]; then
        tail -n +1 -f "$run_dir/console.log" >&2 {hold_out}>&- {hold_err}>&- &
        console_pid=$!
    fi
    # pdeathsig: no machine outlives its lab, even one killed by SIGKILL. The limit is in the host's time: with counted
    # time the machine's own clock jumps over waits.
    started_s=$SECONDS
    setpriv --pdeathsig KILL timeout --kill-after=10 "$limit" setpriv --pdeathsig KILL "${qemu[@]}" \
        </dev/null >"$run_dir/qemu.log" 2>&1 {hold_out}>&- {hold_err}>&- &
    machine_pid=$!
    wait -n -p ended "$machine_pid" "${copier_pids[@]}" || status=$?
    if [[ $ended != "$machine_pid" ]]; then
        # A copier ended first: whoever read our output has gone. A local command would get SIGPIPE.
        machine_stop
        return 141
    fi
    machine_pid=
    exec {hold_out}>&- {hold_err}>&-
    wait "${copier_pids[@]}" || true
    copier_pids=()
    machine_verdict "$status" "$limit"
}

machine_interrupted() {
    trap '' INT TERM HUP
    machine_stop
    exit "$1"
}

# machine_stop: ends what this lab started, by process number, and removes the run folder. Also runs at exit.
machine_stop() {
    local pid
    for pid in "$machine_pid" "$console_pid" "${copier_pids[@]}"; do
        if [[ -n $pid ]]; then
            kill "$pid" 2>/dev/null || true
            wait "$pid" 2>/dev/null || true
        fi
    done
    machine_pid='' console_pid='' copier_pids=()
    if [[ -n $run_dir ]]; then
        rm -rf "$run_dir"
        run_dir=
    fi
}

# machine_verdict QEMU_STATUS LIMIT
machine_verdict() {
    local qemu_status=$1 limit=$2
    if [[ -s $run_dir/share/status ]]; then
        return "$(<"$run_dir/share/status")"
    fi
    # 137 is also what a QEMU killed for want of memory leaves; only the clock tells them apart.
    if [[ $qemu_status = 124 ]] || ((SECONDS - started_s >= limit)); then
        say "the command was ended: it had not finished after $limit s (--limit)"
        return $status_limit
    fi
    if [[ -s $run_dir/share/failure ]]; then
        say "the machine did not get as far as the command: $(<"$run_dir/share/failure")"
    elif grep -q 'Kernel panic' "$run_dir/console.log"; then
        say "the machine's kernel panicked; the command's status is unknown"
    elif [[ $qemu_status != 0 ]]; then
        say "QEMU ended with status $qemu_status before the command did:"
        tail -n 5 "$run_dir/qemu.log" | sed 's/^/lab:   /' >&2
    else
        say "the machine went down without reporting the command's status (powered off by the command?)"
    fi
    console_tail
    return $status_lost
}

console_tail() {
    say "last lines of its console (all of it: --verbose):"
    tail -n 25 "$run_dir/console.log" | tr -d '\r' | sed 's/^/lab:   /' >&2
}
