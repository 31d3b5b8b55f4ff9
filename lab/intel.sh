# intel.sh: the machine with an Intel processor, by Bochs, which emulates VMX with EPT and VPID. Sourced by lab/lab;
# machine.sh runs it.
#
# What the command needs is carried in, in an initramfs of its own behind the one that is always the same. What it says
# and makes comes back on the second disk: see intel/courier.c. Nothing that differs between two runs gets in, and
# nothing inside is random, so two runs of the same command are the same to the last byte.

# Sandy Bridge has no RDRAND. It has all that kvm_intel wants.
readonly bochs_processor=corei7_sandy_bridge_2600k
# One instruction a nanosecond: the TSC, the timers and all clocks then agree that 1 ns is 1 instruction.
readonly bochs_instructions_per_s=1000000000
# 2 GB, of which only what is written takes room; whole cylinders of 516,096 bytes.
readonly bochs_output_bytes=$((4096 * 516096))

# intel_prepare OUT COMMAND...: the initramfs with the command and what it needs.
intel_prepare() {
    local out=$1 word file tree=$run_dir/tree folder
    shift
    folder=$(pwd -P)
    mkdir "$tree" "$tree/lab"
    carry_tree "$tree"
    [[ $folder = "$repository" || $folder = "$repository"/* ]] || folder=$repository
    mkdir -p "$tree$folder" "$tree$out"
    carry_named "$tree" "$1"
    for word in "$@"; do
        if [[ $word = */* || -f $word ]] && file=$(realpath --quiet --no-symlinks -- "$word") &&
            [[ -f $file && $file = "$repository"/* ]]; then
            carry "$tree" "$file"
        fi
    done
    if [[ -x $repository/build/trapline ]]; then
        carry "$tree" "$repository/build/trapline"
    fi
    for word in "${with[@]}"; do
        carry_with "$tree" "$word"
    done
    printf '%s\0' "$@" >"$tree/lab/command"
    printf '%s\0' "$folder" >"$tree/lab/folder"
    printf '%s\0' "$out" >"$tree/lab/out"
    command_environment >"$tree/lab/environment"
    pack_tree "$tree" "$run_dir/command.cpio"
    rm -rf "$tree"
}

# carry_with TREE FILE: a path, or the name of a program.
carry_with() {
    local path=$2
    [[ -e $path ]] || path=$(PATH=$caller_path type -P -- "$2") || wrong_usage "--with $2: there is no such file or program"
    carry "$1" "$path"
}

# intel_words TIME CPUS MEMORY VERBOSE OUT: the machine's description.
intel_words() {
    local time=$1 memory=$3 verbose=$4
    emulator_name="Bochs $bochs_version" emulator_id=Bochs-$bochs_version
    # tsc=reliable: KVM's master clock needs the clock source tsc. reboot=t: Bochs ends at a triple fault; after any other
    # reboot it would boot again, and run the command again. The rest is for a quick boot: see amd.sh.
    local cmdline="console=ttyS0,115200 panic=-1 reboot=t mitigations=off tsc=reliable nowatchdog nokaslr"
    cmdline+=" cryptomgr.notests no_timer_check trapline.time=$time trapline.emulator=$emulator_id"
    [[ $verbose = 1 ]] || cmdline+=' quiet loglevel=3'
    "$lab_dir/intel/pack_disk" "$run_dir/boot.img" "$boot_sector" "$kernel_dir/vmlinux" "$memory" "$cmdline" \
        "$initramfs" "$run_dir/command.cpio"
    truncate -s "$bochs_output_bytes" "$run_dir/output.img"
    bochs_settings "$memory" >"$run_dir/bochsrc"
    # Debian's Bochs has the debugger: it waits for "c" (continue), and stops at the end of its input.
    mkfifo "$run_dir/input"
    emulator_input=$run_dir/input
    bochs_program
    emulator=("${bochs[@]}" -q -f "$run_dir/bochsrc")
    without_network
}

# Its only screen that needs no terminal is a server for the RFB protocol: nobody is to reach that.
without_network() {
    local way
    for way in '--net' '--user --map-current-user --net'; do
        # shellcheck disable=SC2086 # a list of words
        if unshare $way true 2>/dev/null; then
            # shellcheck disable=SC2206
            emulator=(unshare $way "${emulator[@]}")
            return
        fi
    done
}

# sync=none with a fixed start: the machine's clocks know nothing of the host's.
bochs_settings() { # MEMORY
    cat <<SETTINGS
config_interface: textconfig
display_library: rfb, options="timeout=0"
megs: $1
cpu: model=$bochs_processor, count=1, ips=$bochs_instructions_per_s, reset_on_triple_fault=0
clock: sync=none, time0=1700000000
romimage: file=$bochs_dir/bios/BIOS-bochs-latest
vgaromimage: file=$bochs_dir/bios/VGABIOS-lgpl-latest
vga: extension=vbe, update_freq=5, realtime=0
sound: driver=dummy, waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
ata0-master: type=disk, path=$run_dir/boot.img, mode=flat
ata1: enabled=1, ioaddr1=0x170, ioaddr2=0x370, irq=15
ata1-master: type=disk, path=$run_dir/output.img, mode=flat
boot: disk
com1: enabled=1, mode=file, dev=$run_dir/console.log
log: $run_dir/bochs.log
panic: action=fatal
error: action=ignore
info: action=ignore
SETTINGS
}

intel_copiers() {
    exec {held_a}<>"$run_dir/input" {held_b}</dev/null
    echo c >&"$held_a"
    "$lab_dir/intel/follow_disk" "$run_dir/output.img" "$run_dir/share" {held_a}>&- {held_b}>&- &
    copier_pids+=($!)
}

# Sets status of machine_run: Bochs ends with 1 also after a power-off.
intel_ended() {
    exec {held_a}>&- {held_b}>&-
    : >"$run_dir/share/ended"
    wait "${copier_pids[@]}" || true
    if grep -q 'soft power off' "$run_dir/emulator.log"; then
        status=0
    fi
    if [[ -e $run_dir/share/files.cpio ]]; then
        (cd "$repository/out" && cpio --extract --make-directories --unconditional --no-preserve-owner \
            --no-absolute-filenames --quiet) <"$run_dir/share/files.cpio" ||
            say "what the command left in out/ could not all be brought back"
    fi
}
