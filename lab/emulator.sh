# emulator.sh: QEMU for the AMD machine, built from Debian's source package with the changes in lab/emulator/: four faults
# of its emulation are gone (docs/qemu/). Sourced by lab/lab.
#
#   $lab_cache/emulator-KEY -> emulator-KEY.XXXXXX/  program, firmware/, version, source (the source package's version)
#
# KEY is a hash of the changes, of what is built and of the host's release, with the libraries of which it runs.

# Answers of find_built_emulator.
emulator_dir= # empty: there is none
emulator_version=

# PROGRAM-OR-FILE PACKAGE: what the build needs.
readonly emulator_tools='
/usr/bin/dpkg-source dpkg-dev
/usr/bin/gcc gcc
/usr/bin/ninja ninja-build
/usr/bin/patch patch
/usr/bin/pkg-config pkg-config
/usr/bin/python3 python3
/usr/share/doc/python3-venv python3-venv
/usr/include/zlib.h zlib1g-dev
/usr/include/attr/libattr.h libattr1-dev
/usr/include/glib-2.0/glib.h libglib2.0-dev
'

emulator_entry() {
    local release=''
    # shellcheck disable=SC1091 # it is not ours
    [[ ! -r /etc/os-release ]] || release=$(. /etc/os-release && echo "${ID:-} ${VERSION_ID:-}")
    # What stands above the first file of a patch says why: that may change.
    printf 'emulator-%s' "$({
        cat "$lab_dir"/emulator/{configure,devices.mak}
        sed -s -n '/^--- /,$p' "$lab_dir"/emulator/*.patch
        echo "$release"
    } | sha256sum | cut -c 1-16)"
}

# Names of the changes, one a line.
emulator_changes() {
    local file
    for file in "$lab_dir"/emulator/*.patch; do
        file=${file##*/}
        printf '%s\n' "${file%.patch}"
    done
}

# The words that a person reads: QEMU 10.0.13 with N changes (A, B..).
emulator_title() {
    local changes
    mapfile -t changes < <(emulator_changes)
    local names
    names=$(printf ', %s' "${changes[@]}")
    printf 'QEMU %s with %s changes (%s)' "$emulator_version" "${#changes[@]}" "${names:2}"
}

# The same for programs: QEMU-10.0.13+4.
emulator_identifier() {
    printf 'QEMU-%s+%s' "$emulator_version" "$(emulator_changes | wc -l)"
}

find_built_emulator() {
    local entry
    emulator_dir=
    entry=$lab_cache/$(emulator_entry)
    [[ -e $entry/version ]] || return 0
    emulator_dir=$(readlink -f "$entry")
    emulator_version=$(<"$emulator_dir/version")
}

# build_emulator REFRESH: makes the entry where there is none; with REFRESH=1 also where Debian's source is another by now.
build_emulator() {
    local refresh=$1 lock entry folder root source
    exec {lock}>"$lab_cache/lock-emulator"
    if ! flock --nonblock "$lock"; then
        say "waiting for another lab that is building the emulator"
        flock "$lock"
    fi
    find_built_emulator
    if [[ -z $emulator_dir || $refresh = 1 ]]; then
        check_emulator_tools
        entry=$(emulator_entry)
        folder=$(new_entry "$entry")
        root=$folder/apt
        debian_open "$root" trixie-source
        source=$(debian_source_version "$root" qemu)
        if [[ -n $emulator_dir && $(<"$emulator_dir/source") = "$source" ]]; then
            rm -rf "$folder"
        else
            say "building QEMU $source of Debian with the changes in lab/emulator/ (once, about 5 minutes of processor time)"
            make_emulator "$root" "$folder"
            echo "$source" >"$folder/source"
            replace_entry "$entry" "$folder"
            find_built_emulator
        fi
    fi
    exec {lock}>&-
    say "built: $(emulator_title)"
}

check_emulator_tools() {
    local file package missing=()
    while read -r file package; do
        [[ -z $file || -e $file ]] || missing+=("$package")
    done <<<"$emulator_tools"
    ((${#missing[@]} == 0)) ||
        fail "$status_cannot_start" "the emulator cannot be built: ${missing[*]} not installed (./dev setup emulator)"
}

# make_emulator ROOT FOLDER
make_emulator() {
    local root=$1 folder=$2 work=$2/build tree=$2/build/qemu
    mkdir "$work"
    debian_source "$root" qemu "$tree"
    apply_changes "$tree" "$(<"$tree/VERSION")"
    # QEMU 10 wants a newer meson than Debian 12 has. It is a Python program: it runs where it was unpacked.
    debian_unpack "$root" "$work/meson" meson
    debian_unpack "$root" "$work/firmware" qemu-system-data seabios
    cp "$lab_dir/emulator/devices.mak" "$tree/configs/devices/x86_64-softmmu/trapline.mak"
    run_build "$work" || {
        tail -n 20 "$work/log" | sed 's/^/lab:   /' >&2
        fail "$status_cannot_start" "QEMU could not be built; the end of the build's output is above." \
            "Without it the lab uses Debian's QEMU"
    }
    install -s "$work/build/qemu-system-x86_64" "$folder/program"
    mkdir "$folder/firmware"
    find "$work/firmware/usr/share" \( -name bios-256k.bin -o -name pvh.bin -o -name kvmvapic.bin \) \
        -exec cp -L -t "$folder/firmware" {} +
    [[ -e $folder/firmware/bios-256k.bin && -e $folder/firmware/pvh.bin ]] ||
        fail "$status_cannot_start" "Debian's packages seabios and qemu-system-data have no firmware where lab/emulator.sh looks for it"
    "$folder/program" --version | awk 'NR == 1 { print $4 }' >"$folder/version"
    rm -rf "$work" "$root"
}

run_build() { # WORK
    local work=$1 options changes
    mapfile -t options <"$lab_dir/emulator/configure"
    changes=$(emulator_changes | paste -sd ' ')
    (
        mkdir "$work/build" && cd "$work/build" || exit
        export PYTHONPATH=$work/meson/usr/lib/python3/dist-packages
        "$work/qemu/configure" --python=/usr/bin/python3 --with-pkgversion="with $changes" "${options[@]}" &&
            ninja -j "$(nproc)" qemu-system-x86_64
    ) >"$work/log" 2>&1 </dev/null
}

# apply_changes TREE VERSION: every change of lab/emulator/ must fit exactly, but for line numbers.
apply_changes() {
    local tree=$1 version=$2 change
    while read -r change; do
        patch --directory="$tree" --strip=1 --fuzz=0 --forward --batch --dry-run >/dev/null \
            <"$lab_dir/emulator/$change.patch" ||
            fail "$status_cannot_start" "the change $change (lab/emulator/$change.patch) does not fit the source of QEMU $version:" \
                "it was refused. Without a built emulator the lab uses Debian's QEMU"
        patch --directory="$tree" --strip=1 --fuzz=0 --forward --batch >/dev/null <"$lab_dir/emulator/$change.patch"
    done < <(emulator_changes)
}

# choose_emulator CHOICE KERNEL TIME CPUS: sets emulator_dir, empty for Debian's QEMU, and refuses what that one cannot do.
choose_emulator() {
    local choice=$1 kernel=$2 time=$3 cpus=$4
    find_built_emulator
    [[ $choice != debian ]] || emulator_dir=
    [[ -z $emulator_dir ]] || return 0
    [[ $choice != built ]] ||
        fail "$status_cannot_start" "there is no built emulator in $lab_cache: ./dev lab --build-emulator makes it"
    if [[ $time = counted ]] && ((cpus > 1)); then
        fail "$status_cannot_start" "--icount --smp $cpus needs the built emulator (./dev lab --build-emulator): in this mode Debian's" \
            "QEMU delivers interrupts twice, and most runs hang"
    fi
    case $kernel in
    6.18 | newest) without_exitintinfo "$choice" "$kernel" ;;
    esac
}

# KVM from 6.18 on takes the type bits that Debian's QEMU leaves in EXITINTINFO for an interrupted INT n. Guests of the
# machine then crash as if KVM or the traced VMM were wrong, so this is only for those who ask for it.
without_exitintinfo() { # CHOICE KERNEL
    local what="Debian's QEMU leaves stale type bits in EXITINTINFO, which Linux 6.18 and later evaluate: in the guest an MMIO access"
    what+=" after an INT n ends in KVM_EXIT_INTERNAL_ERROR"
    [[ $1 = debian ]] || fail "$status_cannot_start" "Linux $2 needs the built emulator (./dev lab --build-emulator): $what." \
        "To run it all the same: --emulator debian"
    say "$what"
}
