# machine.sh: the Intel machine, from its command line to its verdict. Sourced by lab/lab, after the AMD machine's.
#
# Bochs emulates VMX. It has no shared folders, so the command's files are carried in by the initramfs, and what the
# command has for the host comes back through the machine's disk (courier.c, mailbox).

readonly intel_mailbox_mib=512
readonly bochs_cylinder=516096 # bytes: 16 heads, 63 sectors
# The same at each start, of the clock and of all files carried in: two runs of one command are identical.
readonly intel_clock=946684800

mailbox_sector=
follower_pid=

# intel_prepare OUT MEMORY VERBOSE COMMAND...: the run folder with the machine's disk.
intel_prepare() {
    local out=$1 memory=$2 verbose=$3 tree cmdline
    shift 3
    remove_stale_runs
    run_dir=$(mktemp -d "$lab_cache/runs/$$.XXXXXX")
    : >"$run_dir/console.log"
    tree=$run_dir/tree
    mkdir -p "$tree"/{bin,dev,proc,sys,modules,root,run,share,tmp}
    cp "$(static_busybox)" "$tree/bin/busybox"
    cp "$kernel_dir"/modules/*.ko "$tree/modules/"
    install -m 755 "$lab_dir/intel/init" "$tree/init"
    intel_build "$tree"
    carry_files "$tree" "$@"
    printf '%s' "$out" >"$tree/share/out"
    intel_enter "$@" >"$tree/share/enter"
    # 1 ns of the machine's time is 1 instruction (bochsrc, ips).
    cmdline="console=ttyS0,115200 panic=-1 mitigations=off nokaslr no_timer_check nowatchdog cryptomgr.notests"
    cmdline+=" tsc=reliable trapline.time=counted trapline.emulator=Bochs-$bochs_version"
    [[ $verbose = 1 ]] || cmdline+=' quiet loglevel=3'
    # The sector is known only when all is packed, and what is packed holds it: its digits take no more room.
    printf '%010d' 0 >"$tree/share/mailbox"
    pack_disk "$tree" "$memory" "$cmdline"
    printf '%010d' "$mailbox_sector" >"$tree/share/mailbox"
    pack_disk "$tree" "$memory" "$cmdline"
    rm -rf "$tree"
    bochs_settings "$memory" >"$run_dir/bochsrc"
}

intel_build() { # TREE
    gcc -m32 -c "$lab_dir/intel/boot_sector.S" -o "$run_dir/boot_sector.o" &&
        ld -m elf_i386 -Ttext 0x7c00 --oformat binary "$run_dir/boot_sector.o" -o "$run_dir/boot_sector" &&
        gcc -static -O2 "$lab_dir/intel/courier.c" -o "$1/bin/courier" ||
        fail $status_cannot_start "what the Intel machine starts with does not build; the compiler's reason is above"
}

pack_disk() { # TREE MEMORY CMDLINE
    find "$1" -exec touch -h -d "@$intel_clock" {} +
    (cd "$1" && find . -print0 | LC_ALL=C sort -z |
        cpio --null --create --format newc --reproducible --owner 0:0 --quiet) >"$run_dir/initramfs"
    mailbox_sector=$("$lab_dir/intel/disk_image" "$run_dir/boot_sector" "$kernel_dir/vmlinuz" "$run_dir/initramfs" \
        "$2" "$intel_mailbox_mib" "$3" "$run_dir/disk")
}

# carry_files TREE COMMAND...: the command's program, what its words name in the repository, build/trapline, --with.
carry_files() {
    local tree=$1 program word
    shift
    case $1 in
    */*) carry "$tree" "$1" ;;
    *)
        if ! busybox --list | grep -qxF -- "$1"; then
            program=$(PATH=$caller_path type -P -- "$1") || fail 127 "$1: no such program"
            carry "$tree" "$program"
        fi
        ;;
    esac
    for word in "${@:2}" "${carried[@]}" "$repository/build/trapline"; do
        word=${word#*=}
        if [[ -f $word && ($(realpath -- "$word") = "$repository"/* || " ${carried[*]} " = *" $word "*) ]]; then
            carry "$tree" "$word"
        elif [[ -d $word && $(realpath -- "$word") = "$repository"/out/* ]]; then
            mkdir -p "$tree$(realpath -- "$word")"
            cp -r "$word/." "$tree$(realpath -- "$word")"
        fi
    done
    mkdir -p "$tree$(pwd -P)"
}

# carry TREE FILE: by its name, without debugging symbols, with the libraries that it links.
carry() {
    local tree=$1 file library
    file=$(realpath -s -- "$2")
    [[ -f $file ]] || fail 127 "$2: no such file"
    [[ ! -e $tree$file ]] || return 0
    mkdir -p "$tree${file%/*}"
    cp -L -- "$file" "$tree$file"
    # shellcheck disable=SC2312 # what is no ELF file has no libraries
    for library in $(ldd "$file" 2>/dev/null | grep -o '/[^ ]*' || true); do
        if [[ ! -e $tree$library ]]; then
            mkdir -p "$tree${library%/*}"
            cp -L -- "$library" "$tree$library"
        fi
    done
    strip --strip-debug "$tree$file" 2>/dev/null || true
}

# The command as a script, each word quoted.
intel_enter() {
    local name
    printf 'cd -- %q || exit 125\nexec env -i HOME=/root' "$(pwd -P)"
    printf ' %q' "PATH=$caller_path:/bin" "TERM=${TERM:-dumb}" "LANG=${LANG:-C.UTF-8}"
    for name in "${!TRAPLINE_@}"; do
        printf ' %q' "$name=${!name}"
    done
    printf ' %q' "$@"
    echo
}

bochs_settings() { # MEMORY
    local share=$bochs_dir/root/usr/share cylinders
    cylinders=$(($(stat -c %s "$run_dir/disk") / bochs_cylinder))
    # The processor has no RDRAND, so nothing differs from run to run. Without sync the clock goes with instructions.
    cat <<SETTINGS
display_library: term
cpu: model=corei7_sandy_bridge_2600k, count=1, ips=1000000000, reset_on_triple_fault=0
memory: guest=$1, host=$1
romimage: file=$share/bochs/BIOS-bochs-latest, options=fastboot
vgaromimage: file=$share/vgabios/vgabios.bin
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=disk, path="$run_dir/disk", mode=flat, cylinders=$cylinders, heads=16, spt=63
boot: disk
clock: sync=none, time0=$intel_clock
com1: enabled=1, mode=file, dev=$run_dir/console.log
log: $run_dir/bochs.log
error: action=report
panic: action=fatal
SETTINGS
}

# intel_run OUT LIMIT VERBOSE: starts the machine, waits for its end and returns the command's status or the lab's
# own.
intel_run() {
    local out=$1 limit=$2 verbose=$3 root=$bochs_dir/root debugger status=0
    local libraries=$root/usr/lib/x86_64-linux-gnu
    trap 'machine_interrupted 130' INT
    trap 'machine_interrupted 143' TERM
    trap 'machine_interrupted 129' HUP
    if [[ $verbose = 1 ]]; then
        tail -n +1 -f "$run_dir/console.log" >&2 &
        console_pid=$!
    fi
    # Debian's Bochs has a debugger that waits for the word to continue, and for its input's end.
    mkfifo "$run_dir/debugger"
    exec {debugger}<>"$run_dir/debugger"
    echo c >&"$debugger"
    started_s=$SECONDS
    TERM=vt100 LTDL_LIBRARY_PATH=$libraries/bochs/plugins BXSHARE=$root/usr/share/bochs \
        setpriv --pdeathsig KILL timeout --kill-after=10 "$limit" setpriv --pdeathsig KILL \
        "$root/usr/lib64/ld-linux-x86-64.so.2" --library-path "$libraries" "$root/usr/bin/bochs-bin" \
        -q -f "$run_dir/bochsrc" <"$run_dir/debugger" >"$run_dir/bochs.out" 2>&1 {debugger}>&- &
    machine_pid=$!
    "$lab_dir/intel/mailbox" "$run_dir/disk" "$mailbox_sector" "$machine_pid" "$run_dir/results" "$run_dir/status" \
        {debugger}>&- &
    follower_pid=$!
    copier_pids=("$follower_pid")
    # Bochs' own status is 1, whatever happened.
    wait "$machine_pid" || status=$?
    machine_pid=
    wait "$follower_pid" || true
    copier_pids=()
    exec {debugger}>&-
    if [[ -s $run_dir/results ]]; then
        (cd "$out" && cpio --extract --make-directories --unconditional --no-absolute-filenames --quiet) \
            <"$run_dir/results"
    fi
    intel_verdict "$status" "$limit"
}

intel_verdict() { # TIMEOUT_STATUS LIMIT
    if [[ -s $run_dir/status ]]; then
        return "$(<"$run_dir/status")"
    fi
    if [[ $1 = 124 || $1 = 137 ]] || ((SECONDS - started_s >= $2)); then
        say "the command was ended: it had not finished after $2 s (--limit)"
        return $status_limit
    fi
    if grep -q 'Kernel panic' "$run_dir/console.log"; then
        say "the machine's kernel panicked; the command's status is unknown"
    elif [[ ! -s $run_dir/console.log ]]; then
        say "Bochs ended before the machine said anything:"
        grep -v '^ *$' "$run_dir/bochs.out" | tail -n 5 | sed 's/^/lab:   /' >&2
    else
        say "the machine went down without reporting the command's status (powered off by the command?)"
    fi
    console_tail
    return $status_lost
}
