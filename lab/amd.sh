# amd.sh: the machine with an AMD processor, by QEMU's TCG. Sourced by lab/lab; machine.sh runs it.
#
# Everything inside comes from the host's folders, shared by 9p: see init. The command's streams are virtio-serial ports
# that end in FIFOs here.

# amd_prepare OUT COMMAND...: the share with what init and enter read.
amd_prepare() {
    local out=$1
    shift
    cp "$lab_dir/enter" "$run_dir/share/enter"
    printf '%s' "$out" >"$run_dir/share/out"
    printf '%s\0' "$@" >"$run_dir/share/command"
    printf '%s\0' "$(pwd -P)" >"$run_dir/share/folder"
    command_environment >"$run_dir/share/environment"
    mkfifo "$run_dir/stdout" "$run_dir/stderr"
}

# amd_words TIME CPUS MEMORY VERBOSE OUT: the machine's description.
amd_words() {
    local time=$1 cpus=$2 memory=$3 verbose=$4 out=$5
    qemu_program
    emulator_name="QEMU $qemu_version" emulator_id=QEMU-$qemu_version
    if [[ -n $emulator_dir ]]; then
        qemu=("$emulator_dir/program" -L "$emulator_dir/firmware")
        emulator_name=$(emulator_title) emulator_id=$(emulator_identifier)
    fi
    # tsc=reliable: else the kernel finds the emulated TSC unstable against its watchdog and falls back to a slow clock.
    # nokaslr: addresses and instruction counts are the same in every run.
    local cmdline="console=ttyS0 panic=-1 mitigations=off tsc=reliable nowatchdog nokaslr"
    # Boots faster: no self-tests of ciphers, no look for a broken timer interrupt.
    cmdline+=" cryptomgr.notests no_timer_check trapline.time=$(announced_time "$time" "$cpus")"
    cmdline+=" trapline.emulator=$emulator_id"
    [[ $verbose = 1 ]] || cmdline+=' quiet'
    # shellcheck disable=SC2054 # QEMU wants the commas
    emulator=("${qemu[@]}" -machine pc -cpu max -m "$memory" -nodefaults -no-user-config -display none -no-reboot
        -kernel "$kernel_dir/vmlinux" -initrd "$initramfs" -append "$cmdline"
        -chardev "file,id=console,path=$(escaped "$run_dir/console.log")" -serial chardev:console
        -device virtio-serial-pci
        -chardev "file,id=stdout,path=$(escaped "$run_dir/stdout")" -device virtserialport,chardev=stdout,name=stdout
        -chardev "file,id=stderr,path=$(escaped "$run_dir/stderr")" -device virtserialport,chardev=stderr,name=stderr
        -virtfs "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap"
        -virtfs "local,path=$(escaped "$out"),mount_tag=out,security_model=none,multidevs=remap"
        -virtfs "local,path=$(escaped "$run_dir/share"),mount_tag=run,security_model=none")
    case $time in
    counted) emulator+=(-accel "tcg,thread=single" -icount "shift=$(counted_shift "$cpus"),sleep=off" -smp "$cpus" -rtc clock=vm) ;;
    emulated) emulator+=(-accel "tcg,thread=multi" -smp "$cpus") ;;
    esac
}

# Two processors take turns on one clock: a nanosecond is then no longer one instruction of the processor that asks.
announced_time() { # TIME CPUS
    if [[ $1 = counted && $2 = 1 ]]; then echo counted; else echo emulated; fi
}

# With one processor 1 instruction is 1 ns. With more, 1 instruction is 4 ns: at 1 ns the timers of the processors that
# wait for their turn take too much of it.
counted_shift() { # CPUS
    if (($1 == 1)); then echo 0; else echo 2; fi
}

# QEMU doubles the commas of a path inside an option.
escaped() {
    printf '%s' "${1//,/,,}"
}

# Our own write ends: QEMU and the copiers can open theirs in any order, and the copiers see the end when we close.
amd_copiers() {
    exec {held_a}<>"$run_dir/stdout" {held_b}<>"$run_dir/stderr"
    cat "$run_dir/stdout" {held_a}>&- {held_b}>&- &
    copier_pids+=($!)
    cat "$run_dir/stderr" >&2 {held_a}>&- {held_b}>&- &
    copier_pids+=($!)
}

amd_ended() {
    exec {held_a}>&- {held_b}>&-
}
